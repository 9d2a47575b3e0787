import t from 'tap'
import {
  adaptedForm,
  adapterLayout,
  frozenFeeds,
  initialAdapters,
  mergeAdapters,
} from '../../scorer/model/adapters.js'
import { initialParameters, type ParameterSlice, parameterLayout } from '../../scorer/model/parameters.js'
import { sequenceGraph } from '../../scorer/model/sequence-graph.js'
import { gradientGraph } from '../../scorer/model/train-graph.js'
import { Random } from '../../scorer/random.js'
import { Runtime } from '../../scorer/runtime.js'
import type { TokenSequence } from '../../scorer/segments.js'
import { SequenceScorer, type SequenceScores } from '../../scorer/sequence-scorer.js'
import { train } from '../../scorer/train/train.js'
import { gradientError, vector } from '../fixtures/scorer/finite-differences.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { scoreWhole } from '../fixtures/scorer/live-sessions.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const RANK = 3
const layout = adapterLayout(TINY, RANK)

/** Adapters as after some training: nothing is zero. */
function trainedAdapters(seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: layout.size }, () => 0.2 * random.normal())
}

function makeSequences(seed: number): TokenSequence[] {
  const random = new Random(seed)
  return Array.from({ length: 12 }, () => ({
    tokens: randomTokens(random, 1 + random.integer(30), TINY.vocabularySize),
    ended: true,
  }))
}

async function scoreAdapted(base: Float32Array, adapters: Float32Array, sequences: readonly TokenSequence[]) {
  const scorer = await SequenceScorer.load(TINY, sequenceGraph(TINY, adaptedForm(TINY, RANK)))
  const scores = await scorer.score({ ...frozenFeeds(TINY, base), parameters: vector(adapters) }, sequences)
  await scorer.release()
  return scores
}

function furthest(a: readonly SequenceScores[], b: readonly SequenceScores[]): number {
  const differences = a.flatMap(({ surprises }, i) =>
    [...surprises].map((surprise, at) => Math.abs(surprise - b[i]!.surprises[at]!)),
  )
  return Math.max(...differences)
}

t.test('the gradient of every adapter is the slope of the loss', async t => {
  const runtime = await Runtime.load(gradientGraph(TINY, adaptedForm(TINY, RANK)))
  t.teardown(() => runtime.release())
  const random = new Random(1)
  const shape = [3, TINY.contextLength]
  const tokens = () => randomTokens(random, shape[0]! * shape[1]!, TINY.vocabularySize)
  const feeds = {
    ...frozenFeeds(TINY, randomParameters(TINY, 2)),
    tokens: { data: tokens(), shape },
    targets: { data: tokens(), shape },
    weights: { data: new Float32Array(shape[0]! * shape[1]!).fill(1), shape },
  }
  t.equal(layout.slices.length, 3 + 2 * 6 * TINY.numLayers)
  const adapters = trainedAdapters(3)
  for (const slice of layout.slices) {
    const error = await gradientError(runtime, feeds, adapters, slice, random)
    t.ok(error < 1e-2, `${slice.name}: relative error ${error}`)
  }
})

t.test('fresh adapters change nothing', async t => {
  const base = randomParameters(TINY, 5)
  const random = new Random(6)
  const fresh = initialAdapters(TINY, RANK, base, () => random.normal())
  const sequences = makeSequences(7)
  t.equal(furthest(await scoreAdapted(base, fresh, sequences), await scoreWhole(TINY, base, sequences)), 0)
})

t.test('the merged model scores as the model with adapters; what is frozen stays', async t => {
  const base = randomParameters(TINY, 8)
  const adapters = trainedAdapters(9)
  const sequences = makeSequences(10)
  const adapted = await scoreAdapted(base, adapters, sequences)
  const plain = await scoreWhole(TINY, base, sequences)
  const merged = base.slice()
  mergeAdapters(TINY, RANK, merged, adapters)
  t.ok(furthest(adapted, await scoreWhole(TINY, merged, sequences)) < 1e-4)
  t.ok(furthest(adapted, plain) > 0.1, 'the adapters matter')

  const isEqual = ({ offset, size }: ParameterSlice) =>
    base.subarray(offset, offset + size).every((x, i) => x === merged[offset + i])
  for (const slice of parameterLayout(TINY).slices) {
    const isFrozen = /wpe|\.ln_[12]\.|\.bias$/.test(slice.name) && !slice.name.includes('ln_f')
    t.equal(isEqual(slice), isFrozen, slice.name)
  }
})

t.test('training adapters builds no gradients of frozen weights', t => {
  const count = (model: Buffer, op: string) => model.toString('latin1').split(op).length - 1
  const numForward = count(sequenceGraph(TINY, adaptedForm(TINY, RANK)), 'Gemm')
  const numBoth = count(gradientGraph(TINY, adaptedForm(TINY, RANK)), 'Gemm')
  // Each product has a gradient for what goes in. For themselves have one: two adapters for each of a block's six weights, head and embedding.
  const numTrained = 2 * 6 * TINY.numLayers + 2
  t.equal(numBoth, numForward + numForward + numTrained)
  t.end()
})

t.test('a model learns a small language through adapters', async t => {
  const options = { folds: 1, lora: 4, learningRate: 1e-2 }
  const model = await train(grammarSessions(1, 200), { ...options, epochs: 8 })
  const { epochs } = model.training
  t.ok(epochs.at(-1)!.validationLoss! < 0.6, `loss ${epochs.at(-1)!.validationLoss}`)
  t.match(model.training.options, { lora: 4, loraAlpha: 16, adapters: 'merged' })

  const random = new Random(42)
  const layout = parameterLayout(model.config)
  const base = initialParameters(layout, () => random.normal())
  const position = layout.slices.find(({ name }) => name.endsWith('wpe.weight'))!
  const part = (parameters: Float32Array) =>
    parameters.subarray(position.offset, position.offset + position.size)
  t.same(part(model.parameters), part(base), 'the frozen base is that of the seed')
})
