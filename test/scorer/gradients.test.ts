import t from 'tap'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { type AdamWSettings, gradientGraph, trainGraph } from '../../scorer/model/train-graph.js'
import { Random } from '../../scorer/random.js'
import { type Feeds, Runtime } from '../../scorer/runtime.js'
import { startAdamW, stepAdamW } from '../fixtures/scorer/adamw.js'
import { gradientError, lossAndGradient, slope, vector } from '../fixtures/scorer/finite-differences.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const layout = parameterLayout(TINY)
const BATCH = 3
const TIME = TINY.contextLength

/** Three rows of different length, padded, the last one with a stretch in front that must not be learnt. */
function makeFeeds(seed: number): Feeds {
  const random = new Random(seed)
  const shape = [BATCH, TIME]
  const weights = new Float32Array(BATCH * TIME)
  weights.fill(1, 0, TIME)
  weights.fill(1, TIME, TIME + 5)
  weights.fill(1, 2 * TIME + 4, 3 * TIME)
  return {
    tokens: { data: randomTokens(random, BATCH * TIME, TINY.vocabularySize), shape },
    targets: { data: randomTokens(random, BATCH * TIME, TINY.vocabularySize), shape },
    weights: { data: weights, shape },
  }
}

t.test('the gradient of every tensor is the slope of the loss', async t => {
  const runtime = await Runtime.load(gradientGraph(TINY))
  t.teardown(() => runtime.release())
  const random = new Random(5)
  const parameters = randomParameters(TINY, 1)
  const feeds = makeFeeds(2)
  for (const slice of layout.slices) {
    const error = await gradientError(runtime, feeds, parameters, slice, random)
    t.ok(error < 1e-2, `${slice.name}: relative error ${error}`)
  }
})

t.test('single parameters drawn over the whole vector agree with finite differences', async t => {
  const runtime = await Runtime.load(gradientGraph(TINY))
  t.teardown(() => runtime.release())
  const random = new Random(6)
  const parameters = randomParameters(TINY, 3)
  const feeds = makeFeeds(4)
  const { gradient } = await lossAndGradient(runtime, parameters, feeds)
  let error = 0
  let length = 0
  for (let i = 0; i < 60; i++) {
    const at = random.integer(layout.size)
    const expected = await slope(
      runtime,
      feeds,
      parameters,
      new Float64Array(layout.size).fill(1, at, at + 1),
    )
    error += (gradient[at]! - expected) ** 2
    length += expected ** 2
  }
  t.ok(length > 0)
  t.ok(Math.sqrt(error / length) < 1e-2, `relative error ${Math.sqrt(error / length)}`)
})

t.test('what has weight 0 leaves loss and gradient alone', async t => {
  const runtime = await Runtime.load(gradientGraph(TINY))
  t.teardown(() => runtime.release())
  const parameters = randomParameters(TINY, 1)
  const feeds = makeFeeds(2)
  const before = await lossAndGradient(runtime, parameters, feeds)
  // Padding lies to the right of the second row: neither its tokens nor its targets may count.
  for (let at = TIME + 5; at < 2 * TIME; at++) {
    feeds.tokens!.data[at] = 0
    feeds.targets!.data[at] = 0
  }
  // Targets in front of the third row were learnt with the segment before it.
  feeds.targets!.data.fill(4, 2 * TIME, 2 * TIME + 4)
  const after = await lossAndGradient(runtime, parameters, feeds)
  t.ok(Math.abs(before.loss - after.loss) < 1e-6)
  const difference = Math.hypot(...before.gradient.map((g, i) => g - after.gradient[i]!))
  t.ok(difference < 1e-5, `gradients differ by ${difference}`)
})

async function runSteps(settings: AdamWSettings, numSteps: number): Promise<number> {
  const gradients = await Runtime.load(gradientGraph(TINY))
  const trainer = await Runtime.load(trainGraph(TINY, settings))
  let parameters = randomParameters(TINY, 7)
  let firstMoments: Float32Array = new Float32Array(layout.size)
  let secondMoments: Float32Array = new Float32Array(layout.size)
  const reference = startAdamW(parameters)
  for (let step = 1; step <= numSteps; step++) {
    const feeds = makeFeeds(100 + step)
    const rate = 0.01 / step
    const { gradient, loss } = await lossAndGradient(gradients, parameters, feeds)
    stepAdamW(reference, gradient, rate, layout.decayedSize, settings)
    const next = await trainer.run({
      parameters: vector(parameters),
      firstMoments: vector(firstMoments),
      secondMoments: vector(secondMoments),
      learningRate: { data: Float32Array.of(rate), shape: [] },
      corrections: vector(Float32Array.of(1 - settings.beta1 ** step, 1 - settings.beta2 ** step)),
      ...feeds,
    })
    if (Math.abs(next.loss![0]! - loss) > 1e-5) throw new Error('the two graphs give different losses')
    parameters = next.nextParameters! as Float32Array<ArrayBuffer>
    firstMoments = next.nextFirstMoments!
    secondMoments = next.nextSecondMoments!
  }
  await gradients.release()
  await trainer.release()
  return parameters.reduce((worst, p, i) => Math.max(worst, Math.abs(p - reference.parameters[i]!)), 0)
}

t.test('training steps are AdamW', async t => {
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1e9 }
  // Where a gradient is nearly 0 its rounding decides the direction of a step, so epsilon is not left at 1e-8 here.
  const worst = await runSteps({ ...settings, epsilon: 1e-4 }, 6)
  t.ok(worst < 1e-5, `parameters differ by ${worst}`)
})

t.test('long gradients are shortened to the greatest norm', async t => {
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-4, weightDecay: 0, maxGradientNorm: 0.01 }
  const worst = await runSteps(settings, 6)
  t.ok(worst < 1e-5, `parameters differ by ${worst}`)
})
