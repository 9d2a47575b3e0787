import t from 'tap'
import { TrainingDataError } from '../../scorer/errors.js'
import { sequenceGraph } from '../../scorer/model/sequence-graph.js'
import { OfflineJudge } from '../../scorer/offline-judge.js'
import { SequenceScorer } from '../../scorer/sequence-scorer.js'
import type { TrainProgress } from '../../scorer/train/mle.js'
import { resolveBatchSize, type TrainOptions } from '../../scorer/train/options.js'
import { train } from '../../scorer/train/train.js'
import type { TrainedModel } from '../../scorer/trained-model.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const QUICK: TrainOptions = { epochs: 6, folds: 1, learningRate: 3e-3 }

/** Whether a judge flags a session, and for what. */
async function reasons(model: TrainedModel, sessions: readonly (readonly string[])[]): Promise<string[][]> {
  const { config, parameters, vocabulary } = model
  const judge = new OfflineJudge(model, { falseAlarmRate: 0.01 })
  const scorer = await SequenceScorer.load(config, sequenceGraph(config))
  const sequences = sessions.map(keys => ({
    tokens: Int32Array.from(keys, key => vocabulary.id(key)),
    ended: true,
  }))
  const scores = await scorer.score(parameters, sequences)
  await scorer.release()
  return scores.map((score, i) => [...judge.session(sequences[i]!.tokens, score).reasons])
}

t.test('what a log normally says is learnt, and what it never says is flagged', async t => {
  const progress: TrainProgress[] = []
  let last = { done: 0, total: 0 }
  const model = await train(grammarSessions(1, 300), QUICK, (done, total, latest) => {
    progress.push(latest)
    last = { done, total }
  })
  const { epochs } = model.training
  t.ok(epochs.at(-1)!.validationLoss! < epochs[0]!.validationLoss! / 2, 'the loss falls')
  t.ok(epochs.at(-1)!.validationLoss! < 0.5)
  t.same(last, { done: 90, total: 90 })
  t.equal(progress[0]!.step, 1)
  t.equal(model.training.numSessions, 300)
  t.equal(model.validation.numSessions, 60)
  t.same([...model.vocabulary.keys].sort(), ['check', 'close', 'open', 'read', 'sync', 'write'])

  const strange = await reasons(model, [
    ['open', 'read', 'read', 'check', 'close'],
    ['open', 'write', 'sync', 'format', 'close'],
    ['open', 'write'],
    ['read', 'check', 'close'],
  ])
  t.ok(strange[0]!.includes('next-key'), 'a check that is missing')
  t.ok(strange[0]!.includes('count-order'), 'which the numbers tell too')
  t.ok(strange[1]!.includes('unseen-key'), 'a kind of line never seen')
  t.ok(strange[2]!.includes('key-set'), 'an end that comes too early')
  t.ok(strange[3]!.includes('next-key'), 'a begin that is missing')

  const normal = await reasons(
    model,
    grammarSessions(2, 300).map(({ keys }) => keys),
  )
  const flagged = normal.filter(found => found.length > 0).length
  t.ok(flagged <= 6, `${flagged} of 300 normal sessions flagged`)
})

const equalBytes = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))

t.test('one seed gives one model', async t => {
  const sessions = grammarSessions(3, 60)
  const options: TrainOptions = { epochs: 2, folds: 2 }
  const [first, second] = [await train(sessions, options), await train(sessions, options)]
  t.ok(equalBytes(second.parameters, first.parameters))
  t.same(second.validation, first.validation)
  t.equal(first.validation.numSessions, 60, 'with folds, every session is held out once')
  t.equal(first.training.foldEpochs.length, 2)
  const other = await train(sessions, { ...options, seed: 43 })
  t.notOk(equalBytes(other.parameters, first.parameters))
})

t.test('sessions longer than the context are trained on too', async t => {
  const long = Array.from({ length: 24 }, () => ({
    keys: Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 'a' : 'b')),
    ended: true,
  }))
  const model = await train(long, { epochs: 2, folds: 1, learningRate: 3e-3 })
  t.ok(model.training.epochs.every(({ trainingLoss }) => Number.isFinite(trainingLoss)))
  t.equal(model.training.numEvents, 7200)
})

t.test('too few sessions are refused with advice', async t => {
  const empty = { keys: [], ended: true }
  const error = await train([...grammarSessions(1, 19), empty, empty]).catch((error: unknown) => error)
  t.ok(error instanceof TrainingDataError)
  t.match(error, {
    code: 'ERR_SCORER_TRAINING_DATA',
    retriable: false,
    message: /^19 sessions are too few.*at least 20/,
  })
})

t.test('training early stops where the held-out loss no longer falls', async t => {
  const sessions = Array.from({ length: 40 }, () => ({ keys: ['a', 'b'], ended: true }))
  const model = await train(sessions, { epochs: 40, folds: 1, learningRate: 0.05, patience: 1, batchSize: 8 })
  t.ok(model.training.epochs.length < 40)
})

t.test('long sessions make small batches, so that a step holds about as much', async t => {
  const sizes = [1, 20, 32, 100, 128, 2048].map(length => resolveBatchSize('auto', length))
  t.same(sizes, [16, 16, 16, 5, 4, 2])
  t.equal(resolveBatchSize(32, 2048), 32)
})
