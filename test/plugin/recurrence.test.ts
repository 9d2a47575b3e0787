import t from 'tap'
import { Recurrence } from '../../plugin/adopt/recurrence.js'

const MINUTE_MS = 60_000

/** Sightings until it is enough, each `everyMinutes` after the one before, with so many other sessions between; undefined where 100 are not. */
function sightingsNeeded(recurrence: Recurrence, isMild: boolean, everyMinutes: number, between = 0) {
  for (let i = 0; i < 100; i++) {
    for (let j = 0; j < between; j++) recurrence.closes()
    recurrence.closes()
    if (recurrence.see('odd', i * everyMinutes * MINUTE_MS, isMild) !== undefined) return i + 1
  }
  return undefined
}

t.test('sessions close to what is normal count at once', async t => {
  t.equal(sightingsNeeded(new Recurrence({ sessions: 5, minutes: 1440 }), true, 0), 5)
})

t.test('others count only as far as they are spread', async t => {
  const options = { sessions: 5, minutes: 60 }
  t.equal(sightingsNeeded(new Recurrence(options), false, 0), undefined, 'a burst is one sighting')
  t.equal(sightingsNeeded(new Recurrence(options), false, 15), 5, 'one a quarter of an hour')
  t.equal(sightingsNeeded(new Recurrence(options), false, 5), 13, 'an hour, however many')
})

t.test('they must make up a share of all sessions', async t => {
  const options = { sessions: 5, minutes: 60, share: 0.1 }
  t.equal(sightingsNeeded(new Recurrence(options), true, 1, 9), 5, 'one in ten')
  t.equal(sightingsNeeded(new Recurrence(options), true, 1, 20), undefined, 'one in twenty-one')
})

t.test('a stray first sighting does not hold up a burst of low severity', async t => {
  const seen = (isMild: boolean): number | undefined => {
    const recurrence = new Recurrence({ sessions: 5, minutes: 60, share: 0.1 })
    recurrence.see('odd', 0, isMild)
    for (let i = 0; i < 1000; i++) recurrence.closes()
    return sightingsNeeded(recurrence, isMild, 15)
  }
  t.equal(seen(true), 5)
  t.equal(seen(false), undefined, 'else it must be as common all along')
})

t.test('what was adopted begins anew, and what has no time never recurs', async t => {
  const recurrence = new Recurrence({ sessions: 2 })
  t.equal(sightingsNeeded(recurrence, true, 1), 2)
  t.equal(sightingsNeeded(recurrence, true, 1), 2)
  for (let i = 0; i < 10; i++) t.equal(recurrence.see('other', Number.NaN, true), undefined)
})
