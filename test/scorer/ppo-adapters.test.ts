import t from 'tap'
import { adaptedForm, adapterLayout, frozenFeeds, mergeAdapters } from '../../scorer/model/adapters.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { Random } from '../../scorer/random.js'
import { Runtime } from '../../scorer/runtime.js'
import { makeBatch } from '../../scorer/train/batches.js'
import { type PpoCoefficients, ppoGradientGraph } from '../../scorer/train/rl/ppo-graph.js'
import { RolloutRunner } from '../../scorer/train/rl/rollout.js'
import { train } from '../../scorer/train/train.js'
import { gradientError } from '../fixtures/scorer/finite-differences.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const RANK = 3
const form = adaptedForm(TINY, RANK)
const base = randomParameters(TINY, 2)
const frozen = frozenFeeds(TINY, base)

/** Adapters as after some training: nothing is zero. */
const random = new Random(3)
const adapters = Float32Array.from({ length: form.layout.size }, () => 0.2 * random.normal())

t.test('the gradient of every adapter is the slope of the loss of PPO', async t => {
  const coefficients: PpoCoefficients = { clipCoef: 0.2, entropyCoef: 0.01, crossEntropyCoef: 0.1 }
  const runtime = await Runtime.load(ppoGradientGraph(TINY, coefficients, form))
  t.teardown(() => runtime.release())
  const shape = [3, TINY.contextLength]
  const count = shape[0]! * shape[1]!
  const tokens = () => ({ data: randomTokens(random, count, TINY.vocabularySize), shape })
  const numbers = (number: () => number) => ({ data: Float32Array.from({ length: count }, number), shape })
  const feeds = {
    ...frozen,
    tokens: tokens(),
    targets: tokens(),
    actions: tokens(),
    // No ratio comes near 1.2: where clipping begins there is no slope.
    oldLogProbabilities: numbers(() => -12),
    advantages: numbers(() => -random.uniform()),
    weights: numbers(() => 1),
  }
  // Ratios are large here, and so is the loss: it is scaled down to what finite differences can tell.
  for (let i = 0; i < count; i++) feeds.advantages.data[i]! *= 1e-5
  for (const slice of adapterLayout(TINY, RANK).slices) {
    const error = await gradientError(runtime, feeds, adapters, slice, random)
    t.ok(error < 2e-2, `${slice.name}: relative error ${error}`)
  }
})

t.test('a policy with adapters acts as the merged model', async t => {
  const tokens = Int32Array.of(1, 5, 6, 4)
  const batch = makeBatch([{ start: 0, inputs: tokens, targets: tokens, scoredFrom: 0 }])
  const adapted = await RolloutRunner.load(TINY, undefined, { form, frozen, threads: 1 })
  const whole = await RolloutRunner.load(TINY, undefined)
  const merged = base.slice()
  mergeAdapters(TINY, RANK, merged, adapters)
  const [given, expected] = [await adapted.run(adapters, batch), await whole.run(merged, batch)]
  const furthest = Math.max(
    ...Array.from(given.oldLogProbabilities.data, (logP, i) =>
      Math.abs(logP - expected.oldLogProbabilities.data[i]!),
    ),
  )
  t.ok(furthest < 1e-4, `${furthest}`)
  t.same(given.ranks, expected.ranks)
  await Promise.all([adapted.release(), whole.release()])
})

t.test('reinforcement moves the adapters, and leaves what is frozen alone', async t => {
  const sessions = grammarSessions(1, 60)
  const options = { epochs: 2, folds: 1, lora: 4 } as const
  const before = await train(sessions, options)
  const after = await train(sessions, {
    ...options,
    reinforcement: { reward: 'tail', numSteps: 8, learningRate: 1e-3 },
  })
  const { slices } = parameterLayout(after.config)
  const changed = slices
    .filter(({ offset, size }) =>
      before.parameters.subarray(offset, offset + size).some((x, i) => x !== after.parameters[offset + i]),
    )
    .map(({ name }) => name)
  const movable = slices.map(({ name }) => name).filter(name => /wte|ln_f|(_proj|c_fc)\.weight$/.test(name))
  t.same(changed, movable)
})
