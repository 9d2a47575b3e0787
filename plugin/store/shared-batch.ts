import type { ChunkIdentity, Judged } from '../engine-parts.js'
import { type Work, workOn, workOnEnds } from '../engine-work.js'
import type { EventClock } from '../event-clock.js'
import type { ClosedSession, SessionTracker } from '../session.js'
import type { Need } from './batch.js'
import type { Change, Loaded, LoadedSessions, LoadRequest, RedisSessions } from './redis-sessions.js'
import type { CarriedSessions } from './session-codec.js'

/** Touches of one commit are told apart within this many. */
const TOUCHES_PER_COMMIT = 2 ** 20

/** How a batch is judged. */
export interface SharedParts {
  readonly sessions: RedisSessions
  readonly decide: (work: Work) => Promise<Judged>
  /** A tracker with nothing in it yet, for `maxSessions` at most; as far as can be told for `expected`. */
  readonly makeTracker: (maxSessions: number, expected: number, clock: EventClock) => SessionTracker
  /** For all replicas together. */
  readonly maxSessions: number
}

/** What was judged of loaded sessions and is still to be written. */
export interface SharedJudged {
  readonly judged: Judged
  readonly changes: readonly Change[]
  readonly closed: readonly ClosedSession[]
  readonly tracker: SessionTracker
}

/**
 * Judges lines in sessions that were loaded for them: an in-process tracker holds just these, and whatever is due by then or in the way, in the
 * order in which they were touched, so that it does what it would do with all sessions in it.
 */
export async function judgeLines(
  parts: SharedParts,
  loaded: Loaded,
  need: Need,
  clock: EventClock,
): Promise<SharedJudged> {
  const tracker = restored(loaded, parts, need.ids.size, clock)
  const closed: ClosedSession[] = []
  const judged = await parts.decide(workOn(need.lines, tracker, one => closed.push(one)))
  return { judged, closed, tracker, changes: changesOf(tracker, loaded, need.ids) }
}

/** Closes those of the loaded sessions that `close` collects. */
export async function judgeEnds(
  parts: SharedParts,
  loaded: Loaded,
  clock: EventClock,
  close: (tracker: SessionTracker, closed: ClosedSession[]) => void,
): Promise<SharedJudged> {
  const tracker = restored(loaded, parts, 0, clock)
  const closed: ClosedSession[] = []
  const work = workOnEnds(
    all => close(tracker, all),
    tracker,
    one => closed.push(one),
  )
  const judged = await parts.decide(work)
  return { judged, closed, tracker, changes: changesOf(tracker, loaded, new Set()) }
}

/** A tracker with what was loaded, and with room for as much more as one with the sessions of all replicas would have. */
function restored(
  { numHeld, wanted, others }: Loaded,
  { makeTracker, maxSessions }: SharedParts,
  numIds: number,
  clock: EventClock,
): SessionTracker {
  const carried = [...wanted, ...others].flatMap(one => one.carried ?? [])
  const numLoaded = carried.reduce((sum, { held }) => sum + held.length, 0)
  const room = Math.max(1, numLoaded, maxSessions - (numHeld - carried.length))
  const tracker = makeTracker(room, Math.max(1, numLoaded + numIds), clock)
  carried.sort((a, b) => a.touch - b.touch)
  for (const one of carried) tracker.restore(one)
  return tracker
}

/** What is written back: all that was loaded or came anew. What was merely looked at is checked by its version all the same. */
function changesOf(
  tracker: SessionTracker,
  { seq, wanted, others }: Loaded,
  ids: ReadonlySet<string>,
): Change[] {
  const now = new Map<string, Omit<Change, 'id' | 'version'>>()
  const touches = new Map([...wanted, ...others].map(({ id, carried }) => [id, carried?.touch ?? 0]))
  let touch = (seq + 1) * TOUCHES_PER_COMMIT
  for (const { id, held, dueMs } of tracker.held()) {
    const carried: CarriedSessions = { id, held, touch: ids.has(id) ? touch++ : (touches.get(id) ?? 0) }
    const touchedWallMs = Math.max(...held.map(one => one.touchedWallMs))
    now.set(id, { carried, dueMs, touchedWallMs })
  }
  const change = ({ id, version }: LoadedSessions): Change => ({ id, version, ...(now.get(id) ?? GONE) })
  return [...wanted.map(change), ...others.map(change)]
}

const GONE = { carried: undefined, dueMs: Number.NaN, touchedWallMs: 0 } as const

/** The request for what lines need. */
export function requestFor(
  need: Need,
  identities: readonly ChunkIdentity[],
  clock: EventClock,
  { wallMs, maxSessions }: Pick<LoadRequest, 'wallMs' | 'maxSessions'>,
): LoadRequest {
  const upToMs = Math.max(clock.now, need.upToMs)
  const chunks = identities.flatMap(({ name, log }) => (log === undefined ? name : []))
  const logs = identities.flatMap(({ log }) =>
    log === undefined ? [] : { name: log.name, from: log.positions[0]! },
  )
  return { ids: [...need.ids], chunks, logs, upToMs, wallMs, maxSessions }
}
