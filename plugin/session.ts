import type { Tally } from '../scorer/composition/tally.js'
import type { DetectorName } from '../scorer/detectors/detector.js'
import type { Standing } from '../scorer/judge.js'
import type { Context } from '../scorer/next-key-scorer.js'
import type { Trail } from './adopt/adopter.js'
import type { EventClock } from './event-clock.js'
import type { Pace } from './habits/pace.js'

/** What the detectors remember of a session. */
export interface Memory {
  /** For the model. */
  readonly context: Context
  /** How often each key came. */
  readonly tally: Tally
  /** When its lines came, where that is looked at. */
  pace?: Pace | undefined
  /** The evidence so far. */
  readonly standing: Standing
  /** By view: its strongest evidence in words, where that is worth some. */
  readonly clues: (Clue | undefined)[]
}

/** What a detector found. */
export interface Clue {
  readonly detector: DetectorName
  /** In nats. */
  readonly surprise: number
  /** One sentence. */
  readonly message: string
}

/** A session under way: what the detectors need to go on, and what its summary will say. */
export interface Session extends Memory {
  readonly id: string
  /** Lines placed in it. */
  numEvents: number
  /** Time of its first and latest line, in milliseconds since the epoch; NaN without times. */
  readonly firstMs: number
  lastMs: number
  /** Template id of its latest line. */
  lastTemplate: string | undefined
  /** What was found so far; verdicts fill it in. */
  readonly findings: Findings
  /** What was odd about it, where that is to be remembered. */
  trail: Trail | undefined
  /** Template ids of its lines, where they are kept to learn from. */
  history: string[] | undefined
  /** Where its latest line came from, if that may move to another replica. */
  origin: string | undefined
}

/** The worst that was found in a session, in the terms of its summary. */
export interface Findings {
  score: number
  numAnomalies: number
  /** The highest score of a line that was flagged by itself; undefined while none was. */
  lineScore: number | undefined
  readonly reasons: Set<string>
  /** The sentence of the highest score. */
  message: string | undefined
  /** Whether an event of it could not be scored. */
  isIncomplete: boolean
}

/** Why a session is over. `end` and `idle` are true ends; at `open` the input stopped first, `window` and `evicted` are our own doing. */
export type CloseReason = 'end' | 'idle' | 'complete' | 'open' | 'window' | 'evicted'

export interface ClosedSession {
  readonly session: Session
  readonly reason: CloseReason
}

/** Whether the end itself tells something about the session, so that a missing or early end can be found. */
export function isTrueEnd(reason: CloseReason): boolean {
  return reason === 'end' || reason === 'idle' || reason === 'complete'
}

/** A session as a tracker holds it. */
export interface HeldSession {
  readonly session: Session
  /** When its latest line came, by the wall clock, in milliseconds since the epoch. */
  touchedWallMs: number
  /** Time of its latest line where the event clock did not believe it, NaN where it did: taken over if the clock comes to agree. */
  doubtedMs: number
  /** Begin of its window in milliseconds since the epoch; NaN where sessions are no windows. */
  readonly startMs: number
}

/** All that a tracker holds under one id, for those who carry sessions from one tracker to another. */
export interface HeldSessions {
  readonly id: string
  /** One session, or the open windows, the earliest first. */
  readonly held: readonly HeldSession[]
}

export interface DueSessions extends HeldSessions {
  /** Event time from which on some of it is over; NaN where no time is known. */
  readonly dueMs: number
}

/** Places lines in sessions. */
export interface SessionTracker {
  /** Sessions held. */
  readonly size: number
  /** Time as the log tells it. */
  readonly clock: EventClock
  /** Silence by the wall clock after which `closeSilent` closes, in milliseconds. */
  readonly patienceMs: number
  /** Time as the log tells it, in milliseconds since the epoch; -Infinity before the first line with a time. */
  readonly nowMs: number
  /** All sessions held. */
  sessions(): Iterable<Session>
  /** The same by id, the least recently touched first. */
  held(): Iterable<DueSessions>
  /** Takes up what another tracker held, as touched after all that is here; ids must not be here yet. */
  restore(held: HeldSessions): void
  /**
   * The sessions a line belongs to, the one it is scored in first; sessions that are over by then are added to `closed`.
   *
   * @param timeMs of the line, NaN if it has none
   * @param origin the part of the log it came in, where several come at a time
   * @returns valid until the next call
   */
  place(id: string, timeMs: number, closed: ClosedSession[], origin?: string): readonly Session[]
  /** Ends the session of an id now, if there is one. */
  end(id: string, closed: ClosedSession[]): void
  /** Closes sessions untouched for `wallMs` of wall-clock time more than their timeout; for logs that fall silent. */
  closeSilent(nowWallMs: number, closed: ClosedSession[]): void
  /** Closes all sessions. */
  closeAll(reason: CloseReason, closed: ClosedSession[]): void
  /** Closes, as `open`, the sessions whose latest line came from an origin that another replica goes on with. */
  closeFrom(origin: string, closed: ClosedSession[]): void
}

/** A text that does not keep the line alive that it was cut out of: for ids, which are kept for long. */
export function ownCopy(text: string): string {
  const copy = Buffer.from(text).toString()
  return copy === text ? copy : text
}

/** Written out, field by field: sessions are read at every line, and objects made by spreading are slower to read. */
export function newSession(
  id: string,
  { context, tally, pace, standing, clues }: Memory,
  timeMs: number,
): Session {
  return {
    context,
    tally,
    pace,
    standing,
    clues,
    id: ownCopy(id),
    numEvents: 0,
    firstMs: timeMs,
    lastMs: timeMs,
    lastTemplate: undefined,
    findings: {
      score: 0,
      numAnomalies: 0,
      lineScore: undefined,
      reasons: new Set(),
      message: undefined,
      isIncomplete: false,
    },
    trail: undefined,
    history: undefined,
    origin: undefined,
  }
}
