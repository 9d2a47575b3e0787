import fc from 'fast-check'
import t from 'tap'
import { resolveTopK } from '../../scorer/detectors/top-k.js'
import { NullDistribution } from '../../scorer/null-distribution.js'
import { Random } from '../../scorer/random.js'
import { topKForRate } from '../../scorer/validation.js'
import { exponential, validationOf } from '../fixtures/scorer/validation.js'

const value = fc.double({ min: 0, max: 40, noNaN: true })
const values = fc.array(value, { minLength: 1, maxLength: 200 })

t.test('the p-value falls, without jumps, within 0 and 1', async t => {
  const property = fc.property(
    values,
    value,
    fc.double({ min: 0, max: 5, noNaN: true }),
    (all, low, more) => {
      const normals = NullDistribution.of(all)
      const [p, q] = [normals.pValue(low), normals.pValue(low + more)]
      if (!(p > 0 && p <= 1 && q > 0 && q <= p * (1 + 1e-9))) return false
      // Rounding in the model's arithmetic moves a surprise by a millionth; the p-value must hardly notice.
      return Math.abs(Math.log10(normals.pValue(low + 1e-6)) - Math.log10(p)) < 1e-3
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 9, numRuns: 1000 }))
})

t.test('the p-value is never below the share of sessions that reach the value', async t => {
  const property = fc.property(values, value, (all, at) => {
    const reached = all.filter(one => one >= at).length
    return reached < 3 || NullDistribution.of(all).pValue(at) >= (reached + 1) / (all.length + 1) - 1e-9
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 11, numRuns: 1000 }))
})

t.test('many sessions of one value count as reaching it', async t => {
  const normals = NullDistribution.of([...new Array(990).fill(1), ...new Array(10).fill(7.123)])
  t.ok(Math.abs(normals.pValue(7.123) - 11 / 1001) < 1e-4)
  t.ok(normals.pValue(7.3) < 8 / 1001)
})

t.test('the threshold is where the p-value crosses the rate', async t => {
  const property = fc.property(values, fc.double({ min: 1e-6, max: 0.5, noNaN: true }), (all, rate) => {
    const normals = NullDistribution.of(all)
    const threshold = normals.threshold(rate)
    return (
      normals.pValue(threshold) <= rate &&
      (threshold < 1e-9 || normals.pValue(threshold - 1e-6) >= rate * 0.999)
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 10, numRuns: 1000 }))
})

t.test('sessions like those it was calibrated on are flagged about as often as asked', async t => {
  const random = new Random(4)
  for (const [scale, rate] of [
    [1.5, 0.02],
    [1.5, 0.002],
    [2, 0.0005],
    [1, 0.0001],
  ] as const) {
    const threshold = NullDistribution.of(exponential(random, 40_000, scale)).threshold(rate)
    // The true share of sessions beyond the threshold, for this distribution.
    const flagged = Math.exp(-threshold / scale)
    t.ok(flagged > rate / 3 && flagged < rate * 3, `asked ${rate}, flagged ${flagged}`)
  }
})

t.test('K is the smallest that keeps to the rate on the validation sessions', async t => {
  const ranks = Array.from({ length: 1000 }, (_, i) => (i < 990 ? i % 5 : 10 + (i % 10)))
  const given = validationOf({ 'top-k': ranks })
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
