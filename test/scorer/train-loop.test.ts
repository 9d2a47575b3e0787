import t from 'tap'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { type AdamWSettings, trainGraph, trainLoopGraph } from '../../scorer/model/train-graph.js'
import { Random } from '../../scorer/random.js'
import { Runtime } from '../../scorer/runtime.js'
import { type Segment, segments } from '../../scorer/segments.js'
import { makeBatch, packSteps } from '../../scorer/train/batches.js'
import { vector } from '../fixtures/scorer/finite-differences.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const SETTINGS: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradientNorm: 1,
}
const { size } = parameterLayout(TINY)
const NUM_STEPS = 5

const corrections = (step: number) => [1 - SETTINGS.beta1 ** step, 1 - SETTINGS.beta2 ** step]
const rate = (step: number) => 0.02 / step

/** Batches of sessions of many lengths, the last batch a small one; some sessions are longer than the context. */
function makeGroups(): Segment[][] {
  const random = new Random(3)
  const session = () => ({
    tokens: randomTokens(random, 1 + random.integer(20), TINY.vocabularySize),
    ended: random.uniform() < 0.8,
  })
  const pieces = Array.from({ length: 40 }, session).flatMap(one => [...segments(one, TINY.contextLength)])
  return Array.from({ length: NUM_STEPS }, (_, i) =>
    pieces.slice(7 * i, i === NUM_STEPS - 1 ? 7 * i + 3 : 7 * i + 7),
  )
}

interface State {
  readonly parameters: Float32Array
  readonly firstMoments: Float32Array
  readonly secondMoments: Float32Array
}

const START: State = {
  parameters: randomParameters(TINY, 4),
  firstMoments: new Float32Array(size),
  secondMoments: new Float32Array(size),
}

const next = (outputs: Record<string, Float32Array>): State => ({
  parameters: outputs.nextParameters!,
  firstMoments: outputs.nextFirstMoments!,
  secondMoments: outputs.nextSecondMoments!,
})

const feedsOf = ({ parameters, firstMoments, secondMoments }: State) => ({
  parameters: vector(parameters),
  firstMoments: vector(firstMoments),
  secondMoments: vector(secondMoments),
})

async function oneByOne(groups: readonly Segment[][]) {
  const runtime = await Runtime.load(trainGraph(TINY, SETTINGS))
  const losses: number[] = []
  let state = START
  for (const [i, group] of groups.entries()) {
    const outputs = await runtime.run({
      ...feedsOf(state),
      ...makeBatch(group),
      learningRate: { data: Float32Array.of(rate(i + 1)), shape: [] },
      corrections: vector(Float32Array.from(corrections(i + 1))),
    })
    state = next(outputs)
    losses.push(outputs.loss![0]!)
  }
  await runtime.release()
  return { state, losses }
}

async function inOneRun(groups: readonly Segment[][], numParts: number) {
  const runtime = await Runtime.load(trainLoopGraph(TINY, SETTINGS))
  const steps = groups.map((_, i) => i + 1)
  const outputs = await runtime.run({
    ...feedsOf(START),
    ...packSteps(groups, numParts),
    learningRates: vector(Float32Array.from(steps, rate)),
    corrections: { data: Float32Array.from(steps.flatMap(corrections)), shape: [groups.length, 2] },
  })
  await runtime.release()
  return { state: next(outputs), losses: [...outputs.losses!] }
}

const furthest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

t.test('steps in one run are, bit for bit, steps one by one', async t => {
  const groups = makeGroups()
  const [single, loop] = [await oneByOne(groups), await inOneRun(groups, 1)]
  t.same(loop.losses, single.losses)
  t.same(loop.state, single.state)
  t.ok(furthest(single.state.parameters, START.parameters) > 1e-3, 'something was learnt')
})

for (const numParts of [2, 3, 100]) {
  t.test(`a step in up to ${numParts} parts is the step with the whole batch`, async t => {
    const groups = makeGroups()
    const [whole, parts] = [await inOneRun(groups, 1), await inOneRun(groups, numParts)]
    t.ok(
      whole.losses.every((loss, i) => Math.abs(loss - parts.losses[i]!) < 1e-5),
      'losses',
    )
    // Adam divides by the size of a gradient, so rounding moves parameters whose gradient is nearly 0; moments show the gradients as they are.
    for (const name of ['firstMoments', 'secondMoments'] as const)
      t.ok(furthest(whole.state[name], parts.state[name]) < 1e-5, name)
  })
}

t.test('steps are packed in the corner of their slot, parts of nearly equal size', t => {
  const piece = (...inputs: number[]): Segment => ({
    inputs: Int32Array.from(inputs),
    targets: Int32Array.from(inputs, x => x + 1),
    scoredFrom: 0,
    start: 0,
  })
  const packed = packSteps([[piece(5), piece(6, 7), piece(8)], [piece(9)]], 2)
  t.same(packed.tokens.shape, [2, 2, 2, 2])
  t.same([...packed.tokens.data], [5, 0, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0])
  t.same([...packed.extents.data], [2, 2, 1, 1, 1, 1, 0, 1])
  t.same([...packed.numParts.data], [2, 1])
  t.end()
})
