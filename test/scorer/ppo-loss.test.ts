import t from 'tap'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { Random } from '../../scorer/random.js'
import { Runtime } from '../../scorer/runtime.js'
import { type PpoCoefficients, ppoGradientGraph } from '../../scorer/train/rl/ppo-graph.js'
import { logProbabilitiesOf, type PolicyBatch, ppoFeeds, ppoFigures } from '../fixtures/scorer/ppo.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const { size } = parameterLayout(TINY)
const BATCH = 2
const TIME = 6
const COUNT = BATCH * TIME
const PAPER: PpoCoefficients = { clipCoef: 0.2, entropyCoef: 0.01, crossEntropyCoef: 0.1 }
const ONLY_OBJECTIVE: PpoCoefficients = { clipCoef: 0.2, entropyCoef: 0, crossEntropyCoef: 0 }

/** Two rows, the second one padded from its fifth position on; old log-probabilities and advantages are to be filled in. */
function makeBatch(seed: number): PolicyBatch {
  const random = new Random(seed)
  const tokens = () => randomTokens(random, COUNT, TINY.vocabularySize)
  const weights = new Float32Array(COUNT).fill(1, 0, TIME + 4)
  return {
    shape: [BATCH, TIME],
    tokens: tokens(),
    targets: tokens(),
    actions: tokens(),
    oldLogProbabilities: new Float32Array(COUNT),
    advantages: Float32Array.from({ length: COUNT }, () => random.normal()),
    weights,
  }
}

/** The batch as an old policy leaves it whose probability of each action is that of `parameters` divided by `ratio(i)`. */
async function withRatios(
  batch: PolicyBatch,
  parameters: Float32Array,
  ratio: (i: number) => number,
): Promise<PolicyBatch> {
  const table = await logProbabilitiesOf(TINY, parameters, batch)
  const oldLogProbabilities = Float32Array.from(
    batch.actions,
    (action, i) => table[i]![action]! - Math.log(ratio(i)),
  )
  return { ...batch, oldLogProbabilities }
}

async function run(coefficients: PpoCoefficients, parameters: Float32Array, batch: PolicyBatch) {
  const runtime = await Runtime.load(ppoGradientGraph(TINY, coefficients))
  const outputs = await runtime.run(ppoFeeds(parameters, batch))
  await runtime.release()
  return outputs
}

const parameters = randomParameters(TINY, 1)
/** Ratios below, within and above the clip range, each with advantages of both signs. */
const RATIOS = [0.5, 0.7, 0.9, 1, 1.1, 1.5, 2]
const mixedRatio = (i: number): number => RATIOS[i % RATIOS.length]!

t.test('loss and diagnostics are those of the formula', async t => {
  const batch = await withRatios(makeBatch(3), parameters, mixedRatio)
  const outputs = await run(PAPER, parameters, batch)
  const expected = ppoFigures(await logProbabilitiesOf(TINY, parameters, batch), batch, PAPER)
  for (const [name, value] of Object.entries(expected)) {
    const given = outputs[name]![0]!
    t.ok(Math.abs(given - value) < 1e-5 * Math.max(1, Math.abs(value)), `${name}: ${given}, not ${value}`)
  }
  t.ok(expected.clipFraction > 0.3 && expected.clipFraction < 0.9, 'some ratios are clipped, some are not')
})

for (const [name, coefficients] of Object.entries({
  'the whole loss': PAPER,
  'the clipped objective alone': ONLY_OBJECTIVE,
  'the entropy alone': { clipCoef: 0.2, entropyCoef: 1, crossEntropyCoef: 0 },
  'the cross-entropy alone': { clipCoef: 0.2, entropyCoef: 0, crossEntropyCoef: 1 },
})) {
  t.test(`the gradient of ${name} is the slope of the formula`, async t => {
    const batch = await withRatios(makeBatch(4), parameters, mixedRatio)
    if (name === 'the entropy alone' || name === 'the cross-entropy alone') batch.advantages.fill(0)
    const { gradient } = await run(coefficients, parameters, batch)
    const random = new Random(9)
    let error = 0
    let length = 0
    for (let k = 0; k < 12; k++) {
      const direction = unitDirection(random)
      const step = 2e-3
      const lossAt = async (sign: number): Promise<number> => {
        const moved = Float32Array.from(parameters, (p, i) => p + sign * step * direction[i]!)
        return ppoFigures(await logProbabilitiesOf(TINY, moved, batch), batch, coefficients).loss
      }
      const expected = ((await lossAt(1)) - (await lossAt(-1))) / (2 * step)
      const given = gradient!.reduce((sum, g, i) => sum + g * direction[i]!, 0)
      error += (given - expected) ** 2
      length += expected ** 2
    }
    t.ok(length > 0)
    t.ok(Math.sqrt(error / length) < 2e-3, `relative error ${Math.sqrt(error / length)}`)
  })
}

/** Unit length; along random directions of all parameters together slopes are small, so each takes a tenth of them. */
function unitDirection(random: Random): Float64Array {
  const direction = Float64Array.from({ length: size }, () => (random.uniform() < 0.1 ? random.normal() : 0))
  const length = Math.hypot(...direction)
  return direction.map(x => x / length)
}

const norm = (x: Float32Array): number => Math.hypot(...x)

t.test(
  'a ratio beyond the clip range takes the gradient away only where it went the way of its advantage',
  async t => {
    const gradientFor = async (ratio: number, advantage: number): Promise<Float32Array> => {
      const batch = await withRatios(makeBatch(5), parameters, () => ratio)
      batch.advantages.fill(advantage)
      return (await run(ONLY_OBJECTIVE, parameters, batch)).gradient!
    }
    t.equal(norm(await gradientFor(1.3, 1)), 0, 'likelier than the range allows, and better than expected')
    t.equal(norm(await gradientFor(0.7, -1)), 0, 'less likely than the range allows, and worse than expected')
    t.ok(norm(await gradientFor(1.3, -1)) > 1e-3, 'too likely, and worse than expected: pushed back')
    t.ok(norm(await gradientFor(0.7, 1)) > 1e-3, 'not likely enough, and better than expected: pushed back')
    t.ok(norm(await gradientFor(1.1, 1)) > 1e-3, 'within the range')
  },
)

t.test('while the new policy is the old one, the gradient is that of the plain policy gradient', async t => {
  const batch = await withRatios(makeBatch(6), parameters, () => 1)
  batch.advantages.fill(1)
  const objective = await run(ONLY_OBJECTIVE, parameters, batch)
  // With advantages of 1 the policy gradient is that of the cross-entropy of the actions.
  const likelihood = await run({ clipCoef: 0.2, entropyCoef: 0, crossEntropyCoef: 1 }, parameters, {
    ...batch,
    targets: batch.actions,
    advantages: new Float32Array(COUNT),
  })
  t.ok(Math.abs(objective.ratio![0]! - 1) < 1e-6)
  t.equal(objective.clipFraction![0], 0)
  const difference = norm(objective.gradient!.map((g, i) => g - likelihood.gradient![i]!))
  t.ok(difference < 1e-5 * norm(likelihood.gradient!), `gradients differ by ${difference}`)
})

t.test('padding counts nowhere', async t => {
  const batch = await withRatios(makeBatch(7), parameters, mixedRatio)
  const before = await run(PAPER, parameters, batch)
  for (let i = TIME + 4; i < COUNT; i++) {
    batch.actions[i] = 4
    batch.targets[i] = 5
    batch.tokens[i] = 6
    batch.oldLogProbabilities[i] = -3
    batch.advantages[i] = 100
  }
  const after = await run(PAPER, parameters, batch)
  for (const name of ['loss', 'ratio', 'approxKl', 'clipFraction', 'entropy', 'crossEntropy']) {
    t.ok(Math.abs(after[name]![0]! - before[name]![0]!) < 1e-6, name)
  }
  t.ok(norm(after.gradient!.map((g, i) => g - before.gradient![i]!)) < 1e-5)
})
