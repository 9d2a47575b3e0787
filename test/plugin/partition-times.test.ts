import t from 'tap'
import { EventClock } from '../../plugin/event-clock.js'
import type { ClosedSession, Memory } from '../../plugin/session.js'
import { SessionLru } from '../../plugin/session-lru.js'

const MINUTE = 60_000
const LIMITS = { maxSessions: 1000, idleTimeoutMs: 5 * MINUTE, disorderMs: 0 }

t.test('the clock is that of the part of a log that is furthest behind', async t => {
  const wall = { now: 0 }
  const clock = new EventClock(() => wall.now)
  t.equal(clock.advance(100 * MINUTE, 'a'), 100 * MINUTE)
  t.equal(clock.now, 100 * MINUTE)
  t.equal(clock.advance(10 * MINUTE, 'b'), 10 * MINUTE, 'its own time')
  t.equal(clock.now, 10 * MINUTE)
  clock.advance(105 * MINUTE, 'a')
  t.equal(clock.now, 10 * MINUTE, 'one that is ahead moves nothing')
  clock.advance(12 * MINUTE, 'b')
  t.equal(clock.now, 12 * MINUTE)
  t.equal(clock.advance(Number.NaN, 'b'), 12 * MINUTE)

  const copy = clock.copy()
  copy.advance(14 * MINUTE, 'b')
  t.strictSame([clock.now, copy.now], [12 * MINUTE, 14 * MINUTE], 'a copy goes its own way')

  wall.now += 31_000
  clock.advance(106 * MINUTE, 'a')
  t.equal(clock.now, 106 * MINUTE, 'a part that fell silent holds nobody back')
  clock.advance(13 * MINUTE, 'b')
  t.equal(clock.now, 13 * MINUTE, 'until it comes again')
  clock.forget('b')
  t.equal(clock.now, 106 * MINUTE, 'or another goes on with it')
})

/** Sessions of two partitions, as the pieces their lines were judged in: `id` and the number of lines. */
function pieces(order: readonly ('a' | 'b')[]): string[] {
  const lines = {
    // Its session pauses for longer than sessions may.
    a: [0, 1, 2, 10, 11].map(minute => ['in-a', minute] as const),
    // Its session never pauses for long.
    b: [0, 4, 8, 12, 16].map(minute => ['in-b', minute] as const),
  }
  const closed: ClosedSession[] = []
  const tracker = new SessionLru(
    LIMITS,
    () => ({}) as Memory,
    () => 0,
  )
  for (const origin of order) {
    const [id, minute] = lines[origin].shift()!
    for (const session of tracker.place(id, minute * MINUTE, closed, origin)) session.numEvents++
  }
  tracker.closeAll('open', closed)
  return closed.map(({ session }) => `${session.id} ${session.numEvents}`).sort()
}

t.test('sessions are the same however far partitions are read ahead of each other', async t => {
  const wanted = ['in-a 2', 'in-a 3', 'in-b 5']
  t.strictSame(pieces([...'ababababab'] as ('a' | 'b')[]), wanted, 'in step')
  t.strictSame(pieces([...'aaaaabbbbb'] as ('a' | 'b')[]), wanted, 'one after the other')
  t.strictSame(pieces([...'bbbbbaaaaa'] as ('a' | 'b')[]), wanted)
  t.strictSame(pieces([...'baaaaabbbb'] as ('a' | 'b')[]), wanted)
})
