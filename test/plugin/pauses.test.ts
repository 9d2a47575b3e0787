import t from 'tap'
import { Pauses, silenceSurprise } from '../../plugin/pauses.js'
import { EndEstimator } from '../../plugin/session-ends.js'

const table = {
  byTemplate: {
    waits: [
      [10, 0.5],
      [3600, 0.1],
      [7200, 0],
    ] as [number, number][],
  },
  overall: [
    [1, 0.2],
    [5, 0],
  ] as [number, number][],
}

t.test('silence counts once it is longer than the pauses at that point', async t => {
  const pauses = new Pauses(table)
  t.equal(pauses.shareLonger('waits', 1_000), 1)
  t.equal(pauses.shareLonger('waits', 60_000), 0.5)
  t.equal(pauses.shareLonger('waits', 3_600_000), 0.1)
  t.equal(pauses.shareLonger('waits', 8_000_000), 0)
  t.equal(pauses.shareLonger('never seen', 2_000), 0.2, 'by all pauses where little is known')
  t.equal(pauses.shareLonger('waits', Number.POSITIVE_INFINITY), 0)
  t.equal(new Pauses(undefined).shareLonger('waits', 1), 0)
})

t.test('the surprise of an end lies between none and that of the model', async t => {
  t.equal(silenceSurprise(9, 0), 9)
  t.equal(silenceSurprise(9, 1), 0)
  t.ok(Math.abs(silenceSurprise(9, 0.5) - Math.log(2)) < 1e-3)
})

t.test('pauses are learnt by log key, from sessions that go on', async t => {
  // After key 1 a session goes on at once; after key 2 half of them an hour later, the others never.
  const stretches = Array.from({ length: 100 }, (_, i) => ({
    keys: i % 2 === 0 ? [1, 2, 3] : [1, 2],
    times: i % 2 === 0 ? [0, 1000, 3_601_000] : [0, 1000],
    hasEnded: i % 2 === 0,
  }))
  const estimator = new EndEstimator(stretches, 100 * 3_600_000)
  const after = estimator.pauses().get(2)!
  t.strictSame(after, [[3_600_000, 0]], 'of those that go on, all do so after an hour')
  t.equal(estimator.probabilityOver(2, 1000), 0.5)
  t.equal(estimator.probabilityOver(2, 7_200_000), 1)
  t.equal(estimator.probabilityOver(1, 7_200_000), 0, 'every session went on after key 1')
})
