import t from 'tap'
import { DETECTOR_INDEX, type DetectorName, newStatistics } from '../../scorer/detectors/detector.js'
import { defaultFalseAlarmRate, Judge, type JudgeOptions, MAX_SCORE } from '../../scorer/judge.js'
import { Random } from '../../scorer/random.js'
import { calibrated, exponential, validationOf } from '../fixtures/scorer/validation.js'

const COUNT = 3000
const typical = validationOf({
  'next-key': exponential(new Random(8), COUNT, 1.5),
  'key-set': exponential(new Random(9), COUNT, 0.5),
  'top-k': Array.from({ length: COUNT }, (_, i) => i % 4),
})
const judge = (options: JudgeOptions = {}) => new Judge(calibrated(typical), options)

function shown(values: Partial<Record<DetectorName, number>>) {
  const statistics = newStatistics()
  for (const [name, value] of Object.entries(values)) statistics[DETECTOR_INDEX[name as DetectorName]] = value
  return statistics
}

t.test('normal sessions are flagged about as often as asked, whatever detectors are in use', async t => {
  const keys = exponential(new Random(18), 20_000, 1.5)
  const sets = exponential(new Random(19), 20_000, 0.5)
  for (const detectors of [['next-key'], ['key-set'], ['next-key', 'key-set']] as const) {
    for (const rate of [0.001, 0.01]) {
      const one = judge({ falseAlarmRate: rate, detectors })
      const flagged = keys.filter(
        (key, i) => one.judge(one.begin(), shown({ 'next-key': key, 'key-set': sets[i]! })).isAnomaly,
      ).length
      t.ok(flagged > 20_000 * rate * 0.3, `${detectors} at ${rate}: ${flagged} are too few`)
      t.ok(flagged < 20_000 * rate * 2.2, `${detectors} at ${rate}: ${flagged} are too many`)
    }
  }
})

t.test('what two views find adds up, and both are named, the stronger first', async t => {
  const one = judge()
  const [weak, strong] = [shown({ 'next-key': 9.5 }), shown({ 'key-set': 3 })]
  t.notOk(one.judge(one.begin(), weak).isAnomaly)
  t.notOk(one.judge(one.begin(), strong).isAnomaly)
  const session = one.begin()
  t.same(one.judge(session, weak).reasons, [])
  t.match(one.judge(session, strong), { isAnomaly: true, reasons: ['next-key', 'key-set'] })
})

t.test(
  'a session is flagged at the event where evidence becomes enough, and again only for more of it',
  async t => {
    const one = judge()
    const session = one.begin()
    t.notOk(one.judge(session, shown({ 'next-key': 3 })).isAnomaly)
    t.ok(one.judge(session, shown({ 'key-set': 12 })).isAnomaly)
    t.notOk(one.judge(session, shown({ 'next-key': 3 })).isAnomaly, 'an ordinary event after it')
    t.notOk(one.judge(session, shown({ 'key-set': 12 })).isAnomaly, 'the same once more')
    t.ok(one.judge(session, shown({ 'key-set': 14 })).isAnomaly, 'worse')
  },
)

t.test('the score grows with the evidence and ends at its greatest', async t => {
  const one = judge()
  const scores = [0, 2, 4, 8, 16, 5000].map(
    surprise => one.judge(one.begin(), shown({ 'key-set': surprise })).score,
  )
  t.same(
    scores,
    scores.toSorted((a, b) => a - b),
  )
  t.equal(scores[0], 0)
  t.equal(scores.at(-1), MAX_SCORE)
})

t.test('one odd validation session far out does not give all flags one score', async t => {
  const [first, ...others] = exponential(new Random(9), COUNT, 0.5)
  const one = new Judge(calibrated(validationOf({ 'key-set': [first! + 30, ...others] })), {
    falseAlarmRate: 0.001,
  })
  const scoreOf = (surprise: number) => one.judge(one.begin(), shown({ 'key-set': surprise }))
  t.match([5, 10, 20].map(scoreOf), [{ severity: 'low' }, { severity: 'medium' }, { severity: 'high' }])
})

t.test('what another order of computing changes in a surprise stays below 1e-4 in the score', async t => {
  const stepped = validationOf({
    'key-set': Array.from({ length: COUNT }, (_, i) => (i % 3 === 0 ? 2 + (i % 40) / 10 : 0)),
  })
  for (const validation of [typical, stepped]) {
    const one = new Judge(calibrated(validation))
    const scoreOf = (surprise: number) => one.judge(one.begin(), shown({ 'key-set': surprise })).score
    let largest = 0
    for (let surprise = 0; surprise < 20; surprise += 0.00037)
      largest = Math.max(largest, scoreOf(surprise + 1e-5) - scoreOf(surprise))
    t.ok(largest > 0 && largest < 1e-4, `${largest}`)
  }
})

t.test('a flag is what is at least as rare as the rate', async t => {
  for (const rate of [0.0001, 0.001, 0.02]) {
    const one = judge({ falseAlarmRate: rate })
    for (let surprise = 0; surprise < 12; surprise += 0.05) {
      const { isAnomaly, score } = one.judge(one.begin(), shown({ 'key-set': surprise }))
      t.equal(isAnomaly, score >= -Math.log10(rate) - 1e-12, `${surprise} at ${rate}`)
    }
  }
})

t.test('detectors that were not chosen do not decide', async t => {
  const one = judge({ detectors: ['session-end'] })
  const judgement = one.judge(one.begin(), shown({ 'next-key': 40, 'key-set': 40 }))
  t.equal(judgement.isAnomaly, false)
  t.equal(judgement.score, 0)
})

t.test('severity grows with distance from the false-alarm rate', async t => {
  const one = judge({ falseAlarmRate: 0.001 })
  t.same(
    [3, 3.9, 4.1, 5.1].map(score => one.severity(true, score)),
    ['low', 'low', 'medium', 'high'],
  )
  t.equal(one.severity(false, 12), 'none')
})

t.test('top-k flags ranks from K on, beside the others', async t => {
  const one = judge({ detectors: ['top-k'], topK: 3 })
  t.same(
    [0, 2, 3, 54].map(rank => one.judge(one.begin(), shown({ 'top-k': rank })).isAnomaly),
    [false, false, true, true],
  )
})

t.test('a rate that nobody chose is one that the validation sessions can vouch for', async t => {
  const rates = [100_000, 3999, 999, 30].map(numSessions =>
    defaultFalseAlarmRate(calibrated({ ...typical, numSessions })),
  )
  t.same(rates, [0.001, 0.001, 0.004, 0.02])
  const keys = exponential(new Random(5), 999, 1)
  const few = new Judge(calibrated(validationOf({ 'next-key': keys })))
  const flagged = keys.filter(key => few.judge(few.begin(), shown({ 'next-key': key })).isAnomaly).length
  t.equal(few.falseAlarmRate, 0.004)
  t.ok(flagged >= 1 && flagged <= 3, `${flagged} of them lie beyond the threshold, which is counted`)
  t.equal(
    defaultFalseAlarmRate({ ...calibrated(validationOf({ 'next-key': keys })), training: { numTrimmed: 9 } }),
    0.001,
  )
})
