import type { HabitFinding } from './habits/finding.js'
import type { CloseReason, Session } from './session.js'

/** A line in its session, once the prefix before it is known. */
export interface Occurrence {
  readonly node: number
  readonly token: number
  /** The token before. */
  readonly previous: number
  /** The tokens before, as the context that counts know of them. */
  readonly recent: number
  /** All sessions it counts in; it is judged in the first. */
  readonly sessions: readonly Session[]
  /** As the template reads at this point: later lines may widen it. */
  readonly template: string
  readonly templateId: string
  /** What is odd about its parameters. */
  readonly content: HabitFinding | undefined
  /** What is odd about its level, where its kind is new. */
  readonly level: HabitFinding | undefined
  /** What is odd about its time, in each session. */
  readonly timing: readonly (HabitFinding | undefined)[]
  /** Time as the log tells it when the line came, in milliseconds since the epoch; NaN without times. */
  readonly timeMs: number
}

/** The end of a session, or its being cut off. */
export interface Ending {
  /** Where a true end comes; the prefix before it is known. */
  readonly node: number
  readonly previous: number
  /** The tokens before, as the context that counts know of them. */
  readonly recent: number
  readonly sessions: readonly Session[]
  readonly closed: CloseReason
  /** Share of the pauses there that last longer than the session has been quiet. */
  readonly mayPause: number
  /** Time of its last line. */
  readonly timeMs: number
}
