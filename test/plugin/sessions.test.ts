import t from 'tap'
import { EventClock } from '../../plugin/event-clock.js'
import type { ClosedSession, SessionTracker } from '../../plugin/session.js'
import { EndEstimator } from '../../plugin/session-ends.js'
import { SessionLru } from '../../plugin/session-lru.js'
import { SessionWindows } from '../../plugin/session-windows.js'
import { readTrainingLog } from '../../plugin/training-log.js'
import { Tally } from '../../scorer/composition/tally.js'

const begin = () => ({
  context: { tokens: [1], node: -1, stamp: 0 },
  tally: new Tally(),
  standing: { evidence: [], detectors: [] },
  clues: [],
})
const LIMITS = { maxSessions: 10, idleTimeoutMs: 1000, disorderMs: 100 }

/** Places a line and tells which sessions it went to and which closed before it. */
function place(tracker: SessionTracker, id: string, timeMs: number) {
  const closed: ClosedSession[] = []
  const placed = tracker.place(id, timeMs, closed).map(session => session.id)
  return { placed, closed: closed.map(({ session, reason }) => `${session.id} ${reason}`) }
}

function closing(close: (closed: ClosedSession[]) => void): string[] {
  const closed: ClosedSession[] = []
  close(closed)
  return closed.map(({ session, reason }) => `${session.id} ${reason}`)
}

t.test(
  'the clock follows the log, never back, and believes a jump only from several lines in a row',
  async t => {
    const clock = new EventClock()
    t.equal(clock.now, Number.NEGATIVE_INFINITY)
    t.equal(clock.advance(Number.NaN), Number.NEGATIVE_INFINITY)
    t.equal(clock.advance(1000), 1000)
    t.equal(clock.advance(500), 1000)
    t.equal(clock.advance(2000), 2000)
    const far = 2000 + 86_400_000
    t.same(
      [far, far + 1, 2500, far, far + 1].map(time => clock.advance(time)),
      [2000, 2000, 2500, 2500, 2500],
    )
    t.equal(clock.advance(far + 2), far + 2)
  },
)

t.test('a session quiet for longer than its timeout and the disorder allowed is over', async t => {
  const sessions = new SessionLru(LIMITS, begin)
  place(sessions, 'a', 0)
  place(sessions, 'b', 600)
  t.same(place(sessions, 'b', 1100).closed, [])
  t.same(place(sessions, 'b', 1101).closed, ['a idle'])
  t.equal(sessions.size, 1)
  t.same(place(sessions, 'a', 1102), { placed: ['a'], closed: [] })
})

t.test('the session touched longest ago makes room, unfinished', async t => {
  const sessions = new SessionLru({ ...LIMITS, maxSessions: 2 }, begin)
  place(sessions, 'a', 0)
  place(sessions, 'b', 1)
  place(sessions, 'a', 2)
  t.same(place(sessions, 'c', 3).closed, ['b evicted'])
  t.equal(sessions.size, 2)
})

t.test('end events, and the end of the input, close sessions', async t => {
  const sessions = new SessionLru(LIMITS, begin)
  for (const id of ['a', 'b', 'c']) place(sessions, id, 0)
  t.same(
    closing(closed => sessions.end('b', closed)),
    ['b end'],
  )
  t.same(
    closing(closed => sessions.end('b', closed)),
    [],
  )
  t.same(
    closing(closed => sessions.closeAll('complete', closed)),
    ['a complete', 'c complete'],
  )
  t.equal(sessions.size, 0)
})

t.test('when the log falls silent the wall clock closes sessions', async t => {
  let wall = 0
  const sessions = new SessionLru(LIMITS, begin, () => wall)
  place(sessions, 'a', 5)
  wall = 500
  place(sessions, 'b', 6)
  t.same(
    closing(closed => sessions.closeSilent(1100, closed)),
    [],
  )
  t.same(
    closing(closed => sessions.closeSilent(1101, closed)),
    ['a idle'],
  )
})

t.test('a line without time, or with a wild one, does not keep sessions from ending', async t => {
  for (const odd of [Number.NaN, 4e12]) {
    const sessions = new SessionLru(LIMITS, begin)
    if (Number.isNaN(odd)) {
      place(sessions, 'odd', odd)
      place(sessions, 'a', 0)
    } else {
      place(sessions, 'first', 0)
      closing(closed => sessions.end('first', closed))
      place(sessions, 'odd', odd)
      place(sessions, 'a', 0)
    }
    t.same(place(sessions, 'b', 5000).closed, ['odd idle', 'a idle'], `time ${odd}`)
  }
})

const iso = (ms: number) => new Date(ms).toISOString()

t.test('a line belongs to every window around its time, and is scored in the earliest', async t => {
  const windows = new SessionWindows({ lengthMs: 1000, stepMs: 400 }, LIMITS, begin)
  t.same(place(windows, 'x', 1000), { placed: [`x@${iso(400)}`, `x@${iso(800)}`], closed: [] })
  t.same(place(windows, 'x', 1250).placed, [`x@${iso(400)}`, `x@${iso(800)}`, `x@${iso(1200)}`])
  t.same(place(windows, 'y', 1499).closed, [], 'disorder is allowed for')
  t.same(place(windows, 'y', 1500).closed, [`x@${iso(400)} window`])
  t.same(place(windows, 'x', 1000).placed, [`x@${iso(800)}`], 'late, but its window is still open')
  t.same(
    closing(closed => windows.closeAll('open', closed)).filter(text => text.startsWith('x')),
    [`x@${iso(800)} open`, `x@${iso(1200)} open`],
  )
  t.equal(windows.size, 0)
})

t.test('windows survive lines without times and times that no calendar knows', async t => {
  const windows = new SessionWindows({ lengthMs: 1000, stepMs: 1000 }, LIMITS, begin)
  t.equal(place(windows, 'x', Number.NaN).placed.length, 1)
  for (let i = 0; i < 4; i++) t.equal(place(windows, 'x', 1e18).placed.length, 1)
  t.same(place(windows, 'x', 5500).placed, [`x@${iso(5000)}`])
  t.same(place(windows, 'x', Number.NaN).placed, [`x@${iso(5000)}`])
})

t.test('windows are given up, unfinished, when there are too many groups', async t => {
  const windows = new SessionWindows({ lengthMs: 1000, stepMs: 1000 }, { ...LIMITS, maxSessions: 2 }, begin)
  place(windows, 'a', 0)
  place(windows, 'b', 0)
  place(windows, 'a', 1)
  t.same(place(windows, 'c', 2).closed, [`b@${iso(0)} evicted`])
})

t.test(
  'a session that stopped where others stop is over; one that stopped where others go on is not',
  async t => {
    const GO = 1
    const STOP = 2
    const stretches = Array.from({ length: 50 }, (_, i) => ({
      keys: [GO, STOP],
      times: [i * 10, i * 10 + 5],
      hasEnded: false,
    }))
    const estimator = new EndEstimator([...stretches, { keys: [GO], times: [500], hasEnded: false }], 10_000)
    t.equal(estimator.longestPause, 5)
    t.ok(estimator.probabilityOver(STOP, 9000) > 0.95)
    t.ok(estimator.probabilityOver(GO, 2) < 0.05, 'still within the usual pause')
  },
)

async function training(lines: readonly string[], isComplete: boolean, endPattern?: string) {
  return readTrainingLog(
    async function* () {
      yield* lines
    },
    {
      rules: {
        format: 'raw',
        session: { kind: 'regex', pattern: 'id=(\\w+)' },
        ...(endPattern !== undefined && { endPattern }),
      },
      drain: {},
      isComplete,
      seed: 1,
    },
  )
}

t.test('a training log becomes sessions of templates', async t => {
  const lines = ['start id=a', 'start id=b', 'noise', 'step 5 id=a', 'stop id=a', 'step 7 id=b', 'start id=a']
  const log = await training(lines, false, '^stop')
  t.equal(log.numLines, 7)
  t.equal(log.numWithoutSession, 1)
  t.same(
    log.sequences.map(({ keys }) => keys.length),
    [3, 2, 1],
    'a line after the end begins a new session',
  )
  t.equal(log.sequences[0]!.ended, true)
  t.equal(log.sequences[0]!.keys[1], log.sequences[1]!.keys[1], 'numbers differ, the template is one')
  t.equal(log.sequences[2]!.keys[0], log.sequences[0]!.keys[0])
  t.ok((await training(lines, true)).sequences.every(({ ended }) => ended))
})

t.test('a line with a wild date leaves an idle timeout that a bundle can hold', async t => {
  const lines = Array.from({ length: 30 }, (_, i) => `2024-05-01 10:00:${String(i).padStart(2, '0')} id=a x`)
  lines.splice(20, 0, '1971-01-01 00:00:00 id=a x')
  const { rules } = await readTrainingLog(
    async function* () {
      yield* lines
    },
    {
      rules: { format: '<Date> <Time> <Content>', session: { kind: 'regex', pattern: 'id=(\\w+)' } },
      drain: {},
      isComplete: false,
      seed: 1,
    },
  )
  t.ok(
    rules.idleTimeoutSeconds >= 60 && rules.idleTimeoutSeconds <= 10 * 365 * 86_400,
    String(rules.idleTimeoutSeconds),
  )
})
