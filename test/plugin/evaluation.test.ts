import t from 'tap'
import { evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'

const outcome = (
  score: number,
  isFlagged: boolean,
  place: Pick<SessionOutcome, 'flaggedAt' | 'numEvents'> = {},
): SessionOutcome => ({ score, isFlagged, reasons: new Set(isFlagged ? ['next-key'] : []), ...place })

t.test('false positives count as many times as the normals stand for', async t => {
  const normal = Array.from({ length: 100 }, (_, i) => outcome(i / 100, i === 99))
  const abnormal = [outcome(5, true), outcome(4, true), outcome(0, false), outcome(3, true)]
  const sample = evaluateSessions(normal, abnormal)
  t.match(sample, { truePositives: 3, falsePositives: 1, precision: 0.75, recall: 0.75, f1: 0.75 })
  const scaled = evaluateSessions(normal, abnormal, 300)
  t.match(scaled, { falsePositives: 1, precision: 0.5, recall: 0.75, normalPopulation: 300 })
  t.ok(scaled.prAuc < sample.prAuc)
  t.equal(scaled.rocAuc, sample.rocAuc)
  t.ok(scaled.f1Interval[0] < scaled.f1 && scaled.f1 < scaled.f1Interval[1])
  t.same(scaled.detectors, { 'next-key': { truePositives: 3, falsePositives: 1 } })
})

t.test('early flags are those before the last event', async t => {
  const at = (flaggedAt: number | undefined, numEvents: number) =>
    outcome(4, flaggedAt !== undefined, { flaggedAt, numEvents })
  const normal = [outcome(0, false)]
  const { early } = evaluateSessions(normal, [at(0, 10), at(4, 10), at(9, 10), at(10, 10), at(undefined, 10)])
  t.equal(early!.shareBeforeEnd, 0.5, 'neither the last event nor the end')
  t.equal(early!.medianShareSeen, 0.5)
  t.same(evaluateSessions(normal, [at(10, 10)]).early, { shareBeforeEnd: 0, medianShareSeen: 1 })
  t.equal(evaluateSessions(normal, [at(undefined, 3)]).early, undefined, 'nothing was caught')
  t.equal(evaluateSessions(normal, [outcome(4, true)]).early, undefined, 'nobody knows where')
})
