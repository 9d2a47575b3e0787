import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { gradientGraph, trainGraph } from '../../scorer/model/train-graph.js'
import { Runtime } from '../../scorer/runtime.js'
import type { Batch } from '../../scorer/train/batches.js'
import {
  countedLogits,
  flatten,
  logitsOf,
  REFERENCE_CONFIG,
  REFERENCE_DIR,
  readAll,
  referenceRun,
  relativeError,
  toBatch,
} from '../fixtures/scorer/reference.js'

/** Largest allowed norm of the difference over norm of the reference's value, tensor by tensor. */
const TOLERANCE = 1e-4

const layout = parameterLayout(REFERENCE_CONFIG)
const { steps, ignored, weightDecay, maxGradientNorm } = referenceRun()
const reference = await readAll(join(REFERENCE_DIR, 'reference.safetensors'))
const stored = await readAll(join(REFERENCE_DIR, 'float32', 'model.safetensors'))
const parameters = flatten(stored, REFERENCE_CONFIG)
const batch = toBatch(steps[0]!, ignored)
const time = batch.tokens.shape[1]!
const feeds = ({ tokens, targets, weights }: Batch) => ({ tokens, targets, weights })
const vector = (data: Float32Array) => ({ data, shape: [data.length] })
const slicesOf = (flat: Float32Array) =>
  layout.slices.map(({ name, offset, size }) => ({ name, values: flat.subarray(offset, offset + size) }))

t.test('the parameters are those of the reference, name by name', async t => {
  t.same(layout.slices.map(({ name }) => name).sort(), [...stored.keys()].sort())
})

t.test('logits', async t => {
  const given = countedLogits(await logitsOf(REFERENCE_CONFIG, parameters, batch.tokens), batch, time)
  const expected = countedLogits(reference.get('logits.float32')!, batch, time + 1)
  const error = relativeError(given, expected)
  t.ok(error <= TOLERANCE, `relative error ${error}`)
})

t.test('loss and the gradient of every parameter', async t => {
  const runtime = await Runtime.load(gradientGraph(REFERENCE_CONFIG))
  const { loss, gradient } = await runtime.run({ parameters: vector(parameters), ...feeds(batch) })
  await runtime.release()
  t.ok(relativeError(loss!, [steps[0]!.loss]) <= TOLERANCE, `loss ${loss![0]}, reference ${steps[0]!.loss}`)
  for (const { name, values } of slicesOf(gradient!)) {
    const error = relativeError(values, reference.get(`gradient.${name}`)!)
    t.ok(error <= TOLERANCE, `${name}: relative error ${error}`)
  }
})

t.test('ten steps of AdamW with clipping, decay by group and a changing learning rate', async t => {
  const trained = await trainAsReference(t)
  for (const { name, values } of slicesOf(trained)) {
    const expected = reference.get(`trained.${name}`)!
    const error = relativeError(values, expected)
    t.ok(error <= TOLERANCE, `${name}: relative error ${error}`)
    // Steps are small beside the parameters: how far they went must agree too, not only where they ended.
    const started = stored.get(name)!
    const update = relativeError(
      values.map((value, i) => value - started[i]!),
      expected.map((value, i) => value - started[i]!),
    )
    t.ok(update <= TOLERANCE, `${name}: relative error of the update ${update}`)
  }
})

/** Takes the reference's steps, holding its loss and gradient norm against ours at each. */
async function trainAsReference(t: Test): Promise<Float32Array> {
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, maxGradientNorm }
  const runtime = await Runtime.load(trainGraph(REFERENCE_CONFIG, settings))
  let state = {
    parameters: vector(parameters),
    firstMoments: vector(new Float32Array(layout.size)),
    secondMoments: vector(new Float32Array(layout.size)),
  }
  for (const [at, step] of steps.entries()) {
    const outputs = await runtime.run({
      ...state,
      ...feeds(toBatch(step, ignored)),
      learningRate: { data: Float32Array.of(step.learningRate), shape: [] },
      corrections: vector(Float32Array.of(1 - 0.9 ** (at + 1), 1 - 0.999 ** (at + 1))),
    })
    state = {
      parameters: vector(outputs.nextParameters!),
      firstMoments: vector(outputs.nextFirstMoments!),
      secondMoments: vector(outputs.nextSecondMoments!),
    }
    t.ok(relativeError(outputs.loss!, [step.loss]) <= TOLERANCE, `loss of step ${at + 1}`)
    t.ok(
      relativeError(outputs.gradientNorm!, [step.gradientNorm]) <= TOLERANCE,
      `gradient norm of step ${at + 1}`,
    )
  }
  await runtime.release()
  return state.parameters.data
}
