import t from 'tap'
import { Random } from '../../scorer/random.js'
import { segments, type TokenSequence } from '../../scorer/segments.js'
import { makeBatch } from '../../scorer/train/batches.js'
import { Baseline } from '../../scorer/train/rl/advantage.js'
import { Continuations } from '../../scorer/train/rl/continuations.js'
import { Explorer } from '../../scorer/train/rl/explorer.js'
import {
  type ReinforcementOptions,
  resolveNumSteps,
  resolveReinforcement,
} from '../../scorer/train/rl/options.js'
import type { MissRate } from '../../scorer/train/rl/ppo.js'
import { binaryReward, type PolicyAct, positionalReward, tailReward } from '../../scorer/train/rl/reward.js'
import { RolloutRunner } from '../../scorer/train/rl/rollout.js'
import { train } from '../../scorer/train/train.js'
import { BEGIN, END } from '../../scorer/vocabulary.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { logProbabilitiesOf } from '../fixtures/scorer/ppo.js'
import { runTiny, someSequences } from '../fixtures/scorer/ppo-run.js'
import { randomParameters, TINY } from '../fixtures/scorer/tiny-model.js'

const sequenceOf = (...tokens: number[]): TokenSequence => ({ tokens: Int32Array.from(tokens), ended: true })
const PAPER = { hit: 1, miss: -1, decay: 0.5, floor: 1e-4 }

t.test('the positional reward halves from key to key down to its floor, and misses cost', async t => {
  const rewardOf = (rank: number, position: number, settings = PAPER) =>
    positionalReward({ rank, position }, 3, settings)
  t.same(
    [0, 1, 2, 3].map(position => rewardOf(2, position)),
    [1, 0.5, 0.25, 0.125],
  )
  t.equal(rewardOf(3, 1), -0.5, 'rank K is not among the K likeliest')
  t.equal(rewardOf(0, 100), 1e-4)
  t.equal(rewardOf(9, 100), -1e-4)
  t.equal(rewardOf(0, 0, { ...PAPER, hit: 2 }), 2)
})

t.test('the binary reward knows neither position nor degree', async t => {
  t.same(
    [0, 2, 3].map(rank => binaryReward({ rank }, 3)),
    [1, 1, -1],
  )
})

t.test('the reward of the tail lifts what is rare and presses what is new', async t => {
  const observed = { position: 1, rank: 0, surprise: 6, isObserved: true, isNovel: false }
  const rewardOf = (act: Partial<PolicyAct>) =>
    tailReward({ ...observed, ...act }, { start: 5, end: 11 }, PAPER)
  t.equal(rewardOf({}), 0.5, 'an observed key of the tail')
  t.equal(rewardOf({ surprise: 4 }), 0, 'an observed key that was expected')
  t.equal(rewardOf({ isObserved: false, isNovel: true }), -0.5, 'a novelty held too likely')
  t.equal(rewardOf({ isObserved: false, isNovel: true, surprise: 12 }), 0, 'a novelty held unlikely enough')
  t.equal(rewardOf({ isObserved: false }), 0, 'a key that other sessions went on with')
})

t.test(
  'novel is what never came after the token before, nor once the same set of tokens was there',
  async t => {
    const sessions = [sequenceOf(4, 5, 6), sequenceOf(5, 4, 7)]
    const pieces = sessions.flatMap(sequence => [...segments(sequence, 12)])
    const continuations = new Continuations(pieces, 9, new Random(1))
    const isNovel = (prefix: number[], next: number) => {
      const inputs = Int32Array.of(BEGIN, ...prefix)
      return continuations.isNovel(inputs.at(-1)!, continuations.setCodes(inputs).at(-1)!, next)
    }
    t.notOk(isNovel([4, 5], 6))
    t.notOk(isNovel([4, 5], 7), 'came after the same set, in another order')
    t.notOk(isNovel([5, 5, 4], 6), 'repetitions do not change a set')
    t.notOk(isNovel([5], 6), 'came right after the same token')
    t.ok(isNovel([4], 6))
    t.ok(isNovel([4, 5], END), 'an end that comes too early')
    t.notOk(isNovel([5, 4, 7], END))
  },
)

t.test('an explorer takes the observed tokens, but for a share drawn from keys and end alike', async t => {
  const tokens = Int32Array.of(1, 5, 6)
  const group = Array.from({ length: 1000 }, () => ({
    start: 0,
    inputs: tokens,
    targets: tokens,
    scoredFrom: 1,
  }))
  const continuations = new Continuations([], 9, new Random(1))
  const { actions, novelties } = new Explorer(continuations, 0.5, 9, new Random(2)).explore(
    group,
    makeBatch(group),
  )
  const drawn = [...actions].filter((action, i) => action !== tokens[i % 3])
  t.ok(Math.abs(drawn.length - 2000 * 0.5 * (5 / 6)) < 70, `${drawn.length} of 2000`)
  t.same([...new Set(drawn)].sort(), [2, 4, 5, 6, 7, 8])
  t.ok(
    actions.every((action, i) => i % 3 > 0 || action === tokens[0]),
    'nothing in front of what is scored',
  )
  t.ok(novelties.every((isNovel, i) => isNovel === 1 || actions[i] === tokens[i % 3]))
})

t.test('an advantage is what a reward exceeds the average of earlier batches by', async t => {
  const batch = (...rewards: number[]) => ({ rewards, positions: [0, 1], weights: [1, 1] })
  const shared = new Baseline(0.75, 'shared')
  t.same([...shared.advantages(batch(1, 0))], [0.5, -0.5], 'the first batch is held against its own mean')
  shared.update(batch(1, 0))
  shared.update(batch(1, 1))
  t.same([...shared.advantages(batch(1, 0))], [0.375, -0.625])

  const byPosition = new Baseline(0.75, 'by-position')
  byPosition.update(batch(1, 0.5))
  t.same([...byPosition.advantages(batch(1, 0.5))], [0, 0], 'a usual reward is no advantage anywhere')
  t.same([...byPosition.advantages(batch(1, -0.5))], [0, -1])
  const none = new Baseline(0.75, 'none')
  none.update(batch(1, 0.5))
  t.same([...none.advantages(batch(1, 0))], [1, 0], 'no baseline, no reward: no advantage')
  const padded = { rewards: [1, 9], positions: [0, 0], weights: [1, 0] }
  t.same([...new Baseline(0.75, 'by-position').advantages(padded)], [0, 0], 'padding is no reward')
})

const parameters = randomParameters(TINY, 2)

t.test('sampled actions come as often as the old policy makes them likely', async t => {
  const tokens = Int32Array.of(1, 5, 6)
  const batch = makeBatch(
    Array.from({ length: 2000 }, () => ({ start: 0, inputs: tokens, targets: tokens, scoredFrom: 0 })),
  )
  const runner = await RolloutRunner.load(TINY, new Random(3))
  const { actions, oldLogProbabilities } = await runner.run(parameters, batch)
  await runner.release()
  const table = await logProbabilitiesOf(TINY, parameters, { tokens, shape: [1, 3] })
  for (let at = 0; at < 3; at++) {
    for (let token = 0; token < TINY.vocabularySize; token++) {
      const expected = Math.exp(table[at]![token]!)
      const drawn = actions.data.filter((action, i) => i % 3 === at && action === token).length / 2000
      const deviation = Math.sqrt((expected * (1 - expected)) / 2000)
      t.ok(Math.abs(drawn - expected) <= 4 * deviation + 1e-3, `${token} after ${at}: ${drawn}, ${expected}`)
    }
  }
  const worst = Math.max(
    ...Array.from(oldLogProbabilities.data, (logP, i) => Math.abs(logP - table[i % 3]![actions.data[i]!]!)),
  )
  t.ok(worst < 1e-5, 'with the probabilities they were drawn with')
})

function run(options: ReinforcementOptions, seed = 1, missRate?: MissRate) {
  return runTiny({ numSteps: 12, ...options }, 0, { parameters, seed, missRate })
}

const bytes = ({ parameters }: { parameters: Float32Array }) => Buffer.from(parameters.buffer)

t.test('one seed gives one policy, another seed another one', async t => {
  for (const options of [{}, { reward: 'tail' }] as const) {
    const [first, again, other] = [await run(options), await run(options), await run(options, 2)]
    t.ok(bytes(first).equals(bytes(again)))
    t.same(first.record, again.record)
    t.notOk(bytes(first).equals(bytes(other)))
  }
  t.same(parameters, randomParameters(TINY, 2), 'the model it began from is left alone')
})

t.test('the old policy stays frozen through the epochs on a batch', async t => {
  const once = await run({ numSteps: 1, numEpochs: 1 })
  const [only] = once.record.steps
  t.ok(
    Math.abs(only!.ratio - 1) < 1e-5 && only!.approxKl < 1e-9 && only!.clipFraction === 0,
    'at first they are the same',
  )
  const often = await run({ numSteps: 1, numEpochs: 8, learningRate: 1e-2 })
  const [step] = often.record.steps
  t.ok(step!.approxKl > 1e-3 && step!.clipFraction > 0, 'then the new one moves away from it')
})

t.test('reinforcing the observed keys makes them likelier', async t => {
  const { record } = await run({
    action: 'observed',
    reward: 'binary',
    baseline: 'shared',
    topK: 3,
    numSteps: 60,
    entropyCoef: 0,
    crossEntropyCoef: 0,
    learningRate: 3e-3,
  })
  const rewardOver = (from: number, to: number) =>
    record.steps.slice(from, to).reduce((sum, { reward }) => sum + reward, 0) / (to - from)
  t.ok(rewardOver(50, 60) > rewardOver(0, 10) + 0.1, `${rewardOver(0, 10)} to ${rewardOver(50, 60)}`)
})

t.test('every step leaves its figures, the miss rate now and then, and long runs are thinned', async t => {
  const { record } = await run({ numSteps: 5, validationInterval: 2 }, 1, async (_, topK) => topK / 10)
  t.equal(record.topK, 2)
  t.same(
    record.steps.map(({ step }) => step),
    [0, 1, 2, 3, 4],
  )
  t.same(
    record.steps.map(({ topKMissRate }) => topKMissRate),
    [0.2, undefined, 0.2, undefined, 0.2],
  )
  for (const step of record.steps) {
    t.ok(Object.values(step).every(Number.isFinite), JSON.stringify(step))
    t.ok(step.entropy > 0 && step.crossEntropy > 0 && step.approxKl >= 0)
  }
  const [first, second, third] = record.steps
  t.ok(Math.abs(third!.baseline - (0.95 * first!.reward + 0.05 * second!.reward)) < 1e-6)
  const long = await run({ numSteps: 401, batchSize: 1, numEpochs: 1 })
  t.equal(long.record.steps.length, 201)
})

t.test('few sessions are not gone over more than four times, unless that is asked for', async t => {
  const batches = (numSegments: number, options: ReinforcementOptions = {}) =>
    resolveNumSteps(resolveReinforcement(options), numSegments)
  t.equal(batches(100), 16)
  t.equal(batches(100, { reward: 'tail', batchSize: 10 }), 40)
  t.equal(batches(100_000), 200)
  t.equal(batches(100, { numSteps: 300 }), 300)
  t.equal(batches(0), 0)

  const { record } = await run({ numSteps: 'auto', batchSize: 25, numEpochs: 1 })
  const pieces = someSequences(50).flatMap(sequence => [...segments(sequence, TINY.contextLength)])
  t.equal(record.steps.length, 4 * Math.ceil(pieces.length / 25))
})

t.test('training applies it to the model kept and to those that calibration rests on', async t => {
  const sessions = grammarSessions(3, 60)
  const reinforcement: ReinforcementOptions = { numSteps: 6, learningRate: 1e-3, validationInterval: 3 }
  let last = { done: 0, total: 0 }
  const mle = await train(sessions, { epochs: 2, folds: 2 })
  const model = await train(sessions, { epochs: 2, folds: 2, reinforcement }, (done, total) => {
    last = { done, total }
  })
  t.notOk(bytes(model).equals(bytes(mle)))
  t.notSame(model.validation, mle.validation)
  t.same(model.training.epochs, mle.training.epochs, 'maximum likelihood comes first and is the same')
  const { reinforcement: record } = model.training
  t.equal(record!.model.steps.length, 6)
  t.same(
    record!.folds.map(({ steps }) => steps.filter(({ topKMissRate }) => topKMissRate !== undefined).length),
    [2, 2],
  )
  t.same(last, { done: last.total, total: last.total })
  t.equal(mle.training.reinforcement, undefined)
})
