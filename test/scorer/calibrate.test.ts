import fc from 'fast-check'
import t from 'tap'
import { calibrate, pValue, surpriseThreshold, topKForRate } from '../../scorer/calibrate.js'
import { resolveTopK } from '../../scorer/detectors/top-k.js'
import { Judge, type JudgeOptions, MAX_SCORE } from '../../scorer/judge.js'
import { Random } from '../../scorer/random.js'

const surprise = fc.double({ min: 0, max: 40, noNaN: true })
const calibration = fc
  .array(surprise, { minLength: 1, maxLength: 200 })
  .map(surprises => calibrate(surprises, surprises.map(Math.floor)))

t.test('the p-value falls with surprise, without jumps, within 0 and 1', async t => {
  const property = fc.property(
    calibration,
    surprise,
    fc.double({ min: 0, max: 5, noNaN: true }),
    (given, low, more) => {
      const [p, q] = [pValue(given, low), pValue(given, low + more)]
      if (!(p > 0 && p <= 1 && q > 0 && q <= p * (1 + 1e-5))) return false
      // Rounding in the model's arithmetic moves a surprise by a millionth; the p-value must not notice.
      return Math.abs(Math.log10(pValue(given, low + 1e-6)) - Math.log10(p)) < 1e-3
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 9, numRuns: 1000 }))
})

t.test('the threshold is where the p-value crosses the rate', async t => {
  const property = fc.property(
    calibration,
    fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
    (given, rate) => {
      const threshold = surpriseThreshold(given, rate)
      return (
        pValue(given, threshold) <= rate &&
        (threshold < 1e-9 || pValue(given, threshold - 1e-6) >= rate * 0.999)
      )
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 10, numRuns: 1000 }))
})

/** Largest surprises of sessions whose tail thins out by e over `scale` nats. */
function exponential(random: Random, count: number, scale: number): number[] {
  return Array.from({ length: count }, () => -scale * Math.log(1 - random.uniform()))
}

t.test('sessions like those it was calibrated on are flagged about as often as asked', async t => {
  const random = new Random(4)
  for (const [scale, rate] of [
    [1.5, 0.01],
    [1.5, 0.001],
    [2, 0.002],
  ] as const) {
    const given = calibrate(exponential(random, 4000, scale), [1])
    const threshold = surpriseThreshold(given, rate)
    // The true share of sessions beyond the threshold, for this distribution.
    const flagged = Math.exp(-threshold / scale)
    t.ok(flagged > rate / 2 && flagged < rate * 2, `asked ${rate}, flagged ${flagged}`)
  }
})

t.test('few sessions cannot make a flag out of an event the model holds likely', async t => {
  const given = calibrate([0.1, 0.2, 0.1], [1, 1, 1])
  t.equal(pValue(given, 0), 1)
  t.ok(pValue(given, 3) >= Math.exp(-3))
})

t.test('K is the smallest that keeps to the rate on the validation sessions', async t => {
  const ranks = Array.from({ length: 1000 }, (_, i) => (i < 990 ? i % 5 : 10 + (i % 10)))
  const given = calibrate(ranks, ranks)
  for (const rate of [0.001, 0.005, 0.01, 0.1]) {
    const k = topKForRate(given, rate)
    const beyond = (limit: number) => ranks.filter(rank => rank >= limit).length / ranks.length
    t.ok(beyond(k) <= rate)
    t.ok(beyond(k - 1) > rate)
  }
  t.equal(resolveTopK(7, given, 100, 0.01), 7)
  t.equal(resolveTopK({ ratio: 0.45 }, given, 100, 0.01), 45)
  t.equal(resolveTopK({ ratio: 0.001 }, given, 100, 0.01), 1)
  t.equal(resolveTopK('auto', given, 100, 0.01), topKForRate(given, 0.01))
})

t.test('K keeps to the rate with more validation sessions than ranks are kept of', async t => {
  const ranks = Array.from({ length: 50_000 }, (_, i) => Math.floor(i / 1000))
  const k = topKForRate(calibrate(ranks, ranks), 0.1)
  t.ok(Math.abs(k - 45) <= 1, `K ${k}`)
})

const typical = calibrate(exponential(new Random(8), 3000, 1.5), [0, 1, 2, 3])
const judge = (options: JudgeOptions) => new Judge(typical, 50, options)
const evidence = { kind: 'key', isKnown: true, surprise: 0.1, rank: 0 } as const

t.test('a judge flags from its threshold on, and names who found it', async t => {
  const one = judge({ falseAlarmRate: 0.01 })
  t.same(one.judge({ ...evidence, surprise: one.threshold - 0.01 }).isAnomaly, false)
  t.match(one.judge({ ...evidence, surprise: one.threshold + 0.01 }), {
    isAnomaly: true,
    reasons: ['next-key'],
    severity: 'low',
  })
  t.same(one.judge({ ...evidence, kind: 'end', surprise: 30 }).reasons, ['session-end'])
  t.same(one.judge({ ...evidence, isKnown: false, surprise: 30, rank: 54 }).reasons, ['unseen-key'])
  t.match(one.judge(evidence), { isAnomaly: false, severity: 'none', reasons: [] })
})

t.test('detectors that were not chosen do not decide', async t => {
  const one = judge({ detectors: ['session-end'] })
  t.equal(one.judge({ ...evidence, surprise: 40 }).isAnomaly, false)
  t.equal(one.judge({ ...evidence, surprise: 40 }).score, 0)
})

t.test('the score is -log10 of the p-value, within 0 and its greatest', async t => {
  const one = judge({})
  t.ok(Math.abs(one.judge({ ...evidence, surprise: 5 }).score + Math.log10(pValue(typical, 5))) < 1e-12)
  t.equal(one.judge({ ...evidence, surprise: 1000 }).score, MAX_SCORE)
  t.equal(one.judge({ ...evidence, surprise: 0 }).score, 0)
})

t.test('severity grows with distance from the false-alarm rate', async t => {
  const one = judge({ falseAlarmRate: 0.001 })
  t.same(
    [3, 3.9, 4.1, 5.1].map(score => one.severity(true, score)),
    ['low', 'low', 'medium', 'high'],
  )
  t.equal(one.severity(false, 12), 'none')
})

t.test('top-k flags ranks from K on, and unknown keys always', async t => {
  const one = judge({ detectors: ['top-k'], topK: 3 })
  t.same(
    [0, 2, 3, 54].map(rank => one.judge({ ...evidence, rank }).isAnomaly),
    [false, false, true, true],
  )
})
