import type { PropertyFilter } from '../../scorer/composition/findings.js'
import type { DetectorName } from '../../scorer/detectors/detector.js'
import type { Session } from '../session.js'
import type { Oddity } from './oddity.js'

/** Something that came in a session, or its end. */
export interface Place {
  /** The token before. */
  readonly previous: number
  readonly token: number
  /** Of the line; undefined at the end. */
  readonly templateId: string | undefined
  /** In milliseconds since the epoch; NaN where the log has no times. */
  readonly timeMs: number
}

/** How a session closed. */
export interface Close {
  readonly timeMs: number
  /** Whether what it lacks was judged. */
  readonly isWhole: boolean
  /** Share of the pauses there that last longer than the session was quiet. */
  readonly mayPause: number
}

/** Odd places of a session, by their names: what else is odd about it, its tally tells. Owned by the session. */
export type Trail = Map<string, Oddity>

/** Learns from what is flagged, and says what is no longer to be flagged. Told of everything in the order of the log. */
export interface Adopter {
  readonly filter: PropertyFilter | undefined
  /** Takes note of a place's surprise (nats). @returns whether it is taken as normal all the same */
  passes(session: Session, place: Place, detector: DetectorName, surprise: number): boolean
  /** The same for the values of a line, or for when it came. */
  passesHabit(session: Session, place: Place, detector: 'parameter' | 'time-gap', surprise: number): boolean
  /** Takes note of a flag in a session that goes on. */
  flagged(session: Session, timeMs: number): void
  /** Takes note that a session closed. */
  closed(session: Session, close: Close): void
}

/** Adopts nothing. */
export const NO_ADOPTER: Adopter = Object.freeze({
  filter: undefined,
  passes: () => false,
  passesHabit: () => false,
  flagged() {},
  closed() {},
})
