import t from 'tap'
import { Random } from '../../scorer/random.js'
import type { TokenSequence } from '../../scorer/segments.js'
import { makeBatch } from '../../scorer/train/batches.js'
import { Baseline } from '../../scorer/train/rl/advantage.js'
import { type ReinforcementOptions, resolveReinforcement } from '../../scorer/train/rl/options.js'
import { type MissRate, trainPpo } from '../../scorer/train/rl/ppo.js'
import { binaryReward, positionalReward } from '../../scorer/train/rl/reward.js'
import { RolloutRunner } from '../../scorer/train/rl/rollout.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { logProbabilitiesOf } from '../fixtures/scorer/ppo.js'
import { randomParameters, TINY } from '../fixtures/scorer/tiny-model.js'

t.test('the positional reward halves from key to key down to its floor, and misses cost', async t => {
  const paper = { hit: 1, miss: -1, decay: 0.5, floor: 1e-4 }
  t.same(
    [0, 1, 2, 3].map(position => positionalReward(2, position, 3, paper)),
    [1, 0.5, 0.25, 0.125],
  )
  t.equal(positionalReward(3, 1, 3, paper), -0.5, 'rank K is not among the K likeliest')
  t.equal(positionalReward(0, 100, 3, paper), 1e-4)
  t.equal(positionalReward(9, 100, 3, paper), -1e-4)
  t.equal(positionalReward(0, 0, 3, { ...paper, hit: 2 }), 2)
})

t.test('the binary reward knows neither position nor degree', async t => {
  t.same([binaryReward(0, 3), binaryReward(2, 3), binaryReward(3, 3)], [1, 1, -1])
})

t.test('an advantage is what a reward exceeds the average of earlier batches by', async t => {
  const batch = (...rewards: number[]) => ({ rewards, positions: [0, 1], weights: [1, 1] })
  const shared = new Baseline(0.75, false)
  t.same([...shared.advantages(batch(1, 0))], [0.5, -0.5], 'the first batch is held against its own mean')
  shared.update(batch(1, 0))
  shared.update(batch(1, 1))
  t.same([...shared.advantages(batch(1, 0))], [0.375, -0.625])

  const byPosition = new Baseline(0.75, true)
  byPosition.update(batch(1, 0.5))
  t.same([...byPosition.advantages(batch(1, 0.5))], [0, 0], 'a usual reward is no advantage anywhere')
  t.same([...byPosition.advantages(batch(1, -0.5))], [0, -1])
  const padded = { rewards: [1, 9], positions: [0, 0], weights: [1, 0] }
  t.same([...new Baseline(0.75, true).advantages(padded)], [0, 0], 'padding is no reward')
})

const sequenceOf = (...tokens: number[]): TokenSequence => ({ tokens: Int32Array.from(tokens), ended: true })
const parameters = randomParameters(TINY, 2)

t.test('sampled actions come as often as the old policy makes them likely', async t => {
  const tokens = Int32Array.of(1, 5, 6)
  const batch = makeBatch(
    Array.from({ length: 2000 }, () => ({ start: 0, inputs: tokens, targets: tokens, scoredFrom: 0 })),
  )
  const runner = await RolloutRunner.load(TINY, 'sampled', new Random(3))
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

/** Sessions of a few shapes over the tokens 4 to 9, some longer than the context of 12. */
function someSequences(count: number): TokenSequence[] {
  const random = new Random(8)
  return Array.from({ length: count }, () => {
    const length = 2 + random.integer(16)
    return sequenceOf(...Array.from({ length }, (_, i) => 4 + ((i + random.integer(2)) % 6)))
  })
}

function run(options: ReinforcementOptions, seed = 1, missRate?: MissRate) {
  return trainPpo({
    config: TINY,
    parameters,
    training: someSequences(50),
    options: resolveReinforcement({ numSteps: 12, batchSize: 8, learningRate: 1e-3, topK: 2, ...options }),
    seed,
    missRate,
  })
}

const bytes = ({ parameters }: { parameters: Float32Array }) => Buffer.from(parameters.buffer)

t.test('one seed gives one policy, another seed another one', async t => {
  const [first, again, other] = [await run({}), await run({}), await run({}, 2)]
  t.ok(bytes(first).equals(bytes(again)))
  t.same(first.record, again.record)
  t.notOk(bytes(first).equals(bytes(other)))
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
  const long = await run({ numSteps: 401, batchSize: 1, numEpochs: 1 })
  t.equal(long.record.steps.length, 201)
})

t.test('training applies it to the model kept and to those that calibration rests on', async t => {
  const sessions = grammarSessions(3, 60)
  const reinforcement: ReinforcementOptions = { numSteps: 6, learningRate: 1e-3, validationInterval: 3 }
  let last = { done: 0, total: 0 }
  const mle = await train(sessions, { epochs: 2, folds: 3 })
  const model = await train(sessions, { epochs: 2, folds: 3, reinforcement }, (done, total) => {
    last = { done, total }
  })
  t.notOk(bytes(model).equals(bytes(mle)))
  t.notSame(model.calibration, mle.calibration)
  t.same(model.training.epochs, mle.training.epochs, 'maximum likelihood comes first and is the same')
  const { reinforcement: record } = model.training
  t.equal(record!.model.steps.length, 6)
  t.same(
    record!.folds.map(({ steps }) => steps.filter(({ topKMissRate }) => topKMissRate !== undefined).length),
    [2, 2, 2],
  )
  t.same(last, { done: last.total, total: last.total })
  t.equal(mle.training.reinforcement, undefined)
})
