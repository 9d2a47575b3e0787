import t from 'tap'
import { toHalf } from '../../scorer/model/half-format.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { PRECISIONS, type Precision } from '../../scorer/model/precision.js'
import { sequenceGraph } from '../../scorer/model/sequence-graph.js'
import { Random } from '../../scorer/random.js'
import { Scorer } from '../../scorer/scorer.js'
import { SequenceScorer, type SequenceScores } from '../../scorer/sequence-scorer.js'
import { StepReplay } from '../../scorer/step-replay.js'
import { interleave, scoreLive } from '../fixtures/scorer/live-sessions.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

const model = { config: TINY, parameters: randomParameters(TINY, 5) }
const random = new Random(6)
const sessions = Array.from({ length: 40 }, () => ({
  tokens: randomTokens(random, 1 + random.integer(TINY.contextLength - 1), TINY.vocabularySize),
  ended: true,
}))

/** Nats; the logits of this model span about 10. */
const LARGEST_DIFFERENCE: Readonly<Record<Precision, number>> = { float32: 2e-5, float16: 0.03, int8: 1 }
/** A precision that changes less than this was not used at all. */
const LEAST_DIFFERENCE: Readonly<Record<Precision, number>> = { float32: 0, float16: 1e-5, int8: 1e-3 }

function largestDifference(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  const differences = some.flatMap((own, i) => [...own].map((value, at) => Math.abs(value - others[i]![at]!)))
  return Math.max(...differences)
}

async function scoreStored(precision: Precision, parameters = model.parameters): Promise<SequenceScores[]> {
  const scorer = await SequenceScorer.loadStored({ ...model, parameters }, { precision })
  const scores = await scorer.score(undefined, sessions)
  await scorer.release()
  return scores
}

const surprisesOf = (scores: readonly SequenceScores[]): Float32Array[] =>
  scores.map(({ surprises }) => surprises)

const scorer = await SequenceScorer.load(TINY, sequenceGraph(TINY))
const expected = surprisesOf(await scorer.score(model.parameters, sessions))
await scorer.release()

for (const precision of PRECISIONS) {
  t.test(`whole sessions in ${precision} are as with weights handed in, but for rounding`, async t => {
    const difference = largestDifference(surprisesOf(await scoreStored(precision)), expected)
    t.ok(difference <= LARGEST_DIFFERENCE[precision], `surprises differ by ${difference}`)
    t.ok(difference >= LEAST_DIFFERENCE[precision], `by no less than its rounding: ${difference}`)
  })

  t.test(`live sessions in ${precision} are too`, async t => {
    const live = await Scorer.start(model, { precision })
    t.teardown(() => live.close())
    const arrivals = interleave(sessions, count => random.integer(count))
    const scores = await scoreLive(live, arrivals, sessions.length, () => 7)
    const difference = largestDifference(surprisesOf(scores), expected)
    t.ok(difference <= LARGEST_DIFFERENCE[precision], `surprises differ by ${difference}`)
    t.ok(difference >= LEAST_DIFFERENCE[precision], `by no less than its rounding: ${difference}`)
  })
}

t.test('in int8 a neighbour in the batch changes nothing', async t => {
  const length = 8
  const tokens = Array.from({ length: 9 }, () => randomTokens(random, length, TINY.vocabularySize))
  const steps = await StepReplay.load({ ...model, precision: 'int8', device: {}, numRows: 9 * length })
  const whole = await SequenceScorer.loadStored(model, { precision: 'int8' })
  const together = await steps.score(tokens)
  const wholeTogether = await whole.score(
    undefined,
    tokens.map(own => ({ tokens: own, ended: false })),
  )
  for (const [i, own] of tokens.entries()) {
    t.same((await steps.score([own]))[0], together[i], 'step by step')
    const [alone] = await whole.score(undefined, [{ tokens: own, ended: false }])
    t.same(alone!.surprises, wholeTogether[i]!.surprises, 'whole')
  }
  await Promise.all([steps.release(), whole.release()])
})

t.test('weights and rows of zeros divide nothing by zero', async t => {
  const zeros = new Float32Array(parameterLayout(TINY).size)
  for (const precision of PRECISIONS) {
    for (const surprise of surprisesOf(await scoreStored(precision, zeros)).flatMap(own => [...own]))
      t.ok(Math.abs(surprise - Math.log(TINY.vocabularySize)) < 1e-5, 'every token is as likely')
  }
})

t.test('half precision rounds to nearest, ties to even, over its whole range', async t => {
  const cases: readonly [value: number, bits: number][] = [
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [-1e30, 0xfc00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -25, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [-(2 ** -26), 0x8000],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
  ]
  const halves = toHalf(Float32Array.from(cases, ([value]) => value))
  cases.forEach(([value, bits], i) => {
    t.equal(halves[i], bits, String(value))
  })
})
