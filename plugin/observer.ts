import type { SessionSummary, Verdict } from './verdict.js'

/** An event that was flagged. */
export interface FlaggedEvent {
  /** The same whenever the chunk is judged again. */
  readonly id: string
  /** Tag it came with. */
  readonly tag: string
  /** Time of the entry in milliseconds since the epoch, or of the clock where it has none. */
  readonly timeMs: number
  readonly line: string
  /** Lines of its session before it, oldest first, long ones cut. */
  readonly context: readonly string[]
  readonly verdict: Verdict
}

/** A session that closed. */
export interface ClosedEvent {
  /** The same for the same summary. */
  readonly id: string
  /** The clock's time in milliseconds since the epoch. */
  readonly seenMs: number
  /** Its last lines, oldest first, long ones cut. */
  readonly context: readonly string[]
  readonly summary: SessionSummary
}

/**
 * Is told of what was found, beside the outputs that get every record. Both calls return at once and never throw: what an observer cannot
 * keep up with it counts and lets go, so that no record waits for it.
 */
export interface Observer {
  flagged(event: FlaggedEvent): void
  closed(event: ClosedEvent): void
  /** Finishes what is under way, as far as that works in time, and ends. */
  close(): Promise<void>
}
