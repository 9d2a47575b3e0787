import type { EventClock } from './event-clock.js'
import type { LineRules } from './line-rules.js'
import type { Memory, SessionTracker } from './session.js'
import { type SessionLimits, SessionLru } from './session-lru.js'
import { SessionWindows } from './session-windows.js'

/** What trackers are made of. */
export interface TrackerParts {
  readonly rules: Pick<LineRules, 'session' | 'idleTimeoutSeconds'>
  readonly maxSessions: number
  readonly disorderMs: number
  readonly begin: () => Memory
  /** Wall clock in milliseconds. */
  readonly now: () => number
}

/** The tracker that a session rule asks for. */
export function makeTracker(
  { rules, maxSessions, disorderMs, begin, now }: TrackerParts,
  clock?: EventClock,
): SessionTracker {
  const { session, idleTimeoutSeconds } = rules
  const limits: SessionLimits = { maxSessions, disorderMs, idleTimeoutMs: idleTimeoutSeconds * 1000 }
  if (session.kind !== 'window') return new SessionLru(limits, begin, now, clock)
  const span = { lengthMs: session.seconds * 1000, stepMs: session.stepSeconds * 1000 }
  return new SessionWindows(span, limits, begin, now, clock)
}
