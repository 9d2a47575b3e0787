import t from 'tap'
import { explainHabit } from '../../plugin/habits/explain-habit.js'
import { SteadyClock } from '../../plugin/habits/steady-clock.js'
import { Random } from '../../scorer/random.js'
import { Looker, learn } from '../fixtures/plugin/habits.js'

const START_MS = Date.UTC(2024, 4, 1)
const NUM_SESSIONS = 300
const at = (ms: number, session: string, message: string) =>
  `${new Date(START_MS + ms).toISOString()} INFO ${message} req=${session}`

/** Sessions of two lines, the second `gapMs` after the first. */
function log(gapMs: (session: number) => number): string[] {
  return Array.from({ length: NUM_SESSIONS }, (_, i) => [
    at(20_000 * i, `s${i}`, 'asked the service for an answer'),
    at(20_000 * i + gapMs(i), `s${i}`, 'got what was wanted from it'),
  ]).flat()
}

/** Surprise of a gap in a new session. */
function surprise(looker: Looker, beginMs: number, gapMs: number): number {
  looker.look(at(beginMs, `n${beginMs}`, 'asked the service for an answer'))
  return looker.timing(at(beginMs + gapMs, `n${beginMs}`, 'got what was wanted from it'))
}

t.test('a pause far longer than any in training is a surprise, and so is haste', async t => {
  const random = new Random(4)
  const looker = new Looker(await learn(log(() => Math.round(1000 * Math.exp(0.3 * random.normal())))))
  const begin = 20_000 * NUM_SESSIONS
  t.ok(surprise(looker, begin, 1000) < 1)
  t.ok(surprise(looker, begin + 20_000, 15_000) > Math.log(2 * NUM_SESSIONS))
  t.ok(surprise(looker, begin + 40_000, 3) > Math.log(2 * NUM_SESSIONS))
  looker.look(at(begin + 60_000, 'x', 'asked the service for an answer'))
  const { timing } = looker.look(at(begin + 75_000, 'x', 'got what was wanted from it'))
  t.equal(
    explainHabit(timing!, 'got what', 'asked'),
    '`got what` came 15 s after `asked`; so long a pause comes there in none of 300 normal sessions',
  )
})

t.test('where the clock counts whole seconds, 0 and 1 are the same', async t => {
  const looker = new Looker(await learn(log(i => (i % 2 === 0 ? 1000 : 2000))))
  const begin = 20_000 * NUM_SESSIONS
  t.ok(surprise(looker, begin, 0) < 1)
  t.ok(surprise(looker, begin + 20_000, 1000) < 1)
  t.ok(surprise(looker, begin + 40_000, 30_000) > 5)
})

t.test('a clock that leaps makes no long pause of what is under way', async t => {
  const looker = new Looker(await learn(log(i => 10_000 + (i % 9) * 1000)))
  const begin = 20_000 * NUM_SESSIONS
  const leapMs = 86_400_000
  t.ok(surprise(looker, begin, leapMs + 5_000) < surprise(looker, begin + leapMs + 40_000, 5 * 86_400) + 5)
  const clock = new SteadyClock(1000)
  t.same(
    [0, 400, 200, leapMs, leapMs + 100, 500, 900].map(ms => clock.at(ms)),
    [0, 400, 200, 1400, 1500, 1500, 1900],
    'late lines keep their time, leaps count as the longest step, a clock set back goes on from there',
  )
})

t.test('more lines at a time than in any session of training are a burst', async t => {
  const looker = new Looker(await learn(log(() => 1500)))
  const begin = 20_000 * NUM_SESSIONS
  const bursts = Array.from({ length: 30 }, (_, i) =>
    looker.look(at(begin + 20 * i, 'n', 'asked the service for an answer')),
  )
  const { timing } = bursts.at(-1)!
  t.ok(timing!.surprise > Math.log(2 * NUM_SESSIONS))
  t.match(
    explainHabit({ ...timing!, kind: 'burst' }, undefined, undefined),
    /^30 lines came within 10 s; so many come in none of 300 normal sessions$/,
  )
})

t.test('lines without times have no timing', async t => {
  const lines = log(() => 1000).map(line => line.slice(line.indexOf('INFO') + 5))
  const { habits, sequences } = await learn(lines)
  t.equal(habits.times, undefined)
  t.ok(sequences.every(({ statistics }) => statistics!['time-gap'] === 0))
})
