import { LRUCache } from 'lru-cache'

/** When something odd that keeps coming back is taken as normal. */
export interface RecurrenceOptions {
  /** Flagged sessions that must show it. Default 5. */
  readonly sessions?: number
  /**
   * What share of the sessions that close must show it: of low severity the latest `sessions` of them among those that closed meanwhile, else all
   * of them from the first on. Default 0.02.
   */
  readonly share?: number
  /**
   * Minutes that the sessions must be spread over if they are of medium or high severity, or hold a new kind of line, so that an outage, however
   * many sessions it breaks, is a few sightings. Others of low severity, close to what normal sessions show, count at once. Default 1,440, a day.
   */
  readonly minutes?: number
}

/**
 * One session in fifty is more than shapes of anomalies come to by themselves. Both this and the rule about severity are by evidence: on HDFS,
 * shapes of anomalies recur for days at one session in a hundred, and 90 of 113 false alarms, but none of 156 anomalies, were of low
 * severity (see docs/adoption.md).
 */
export const DEFAULT_RECURRENCE_OPTIONS = Object.freeze({
  sessions: 5,
  share: 0.02,
  minutes: 1440,
}) satisfies Required<RecurrenceOptions>

/** Oddities watched at most; the one seen least recently makes room. */
const MAX_WATCHED = 20_000
const MINUTE_MS = 60_000

/** How often something odd was seen. Times are those of the log, in milliseconds since the epoch. */
export interface Sightings {
  readonly firstMs: number
  lastMs: number
  /** Sessions that had closed before the first one that showed it. */
  readonly numBefore: number
  /** Sessions that showed it. */
  sessions: number
  /** Sessions that had closed when the latest of them that need no spread did, so many as are needed at most. */
  readonly mildAt: number[]
  /** And those that came long enough after the one before that did. */
  spaced: number
  lastSpacedMs: number
}

/** Watches oddities come back. */
export class Recurrence {
  readonly options: Required<RecurrenceOptions>
  readonly #spacingMs: number
  readonly #watched = new LRUCache<string, Sightings>({ max: MAX_WATCHED })
  #numClosed = 0

  constructor(options: RecurrenceOptions = {}) {
    this.options = { ...DEFAULT_RECURRENCE_OPTIONS, ...options }
    const { sessions, minutes } = this.options
    this.#spacingMs = (minutes * MINUTE_MS) / Math.max(1, sessions - 1)
  }

  /** Takes note that a session closed: what it shows is seen next. */
  closes(): void {
    this.#numClosed++
  }

  /**
   * Takes note that the session which closed last shows an oddity; without a time nothing can be said to recur.
   * @param isMild whether it counts however soon it comes after others
   * @returns its sightings if they are enough to take it as normal; they are then forgotten
   */
  see(name: string, timeMs: number, isMild: boolean): Sightings | undefined {
    if (!Number.isFinite(timeMs)) return undefined
    const sightings = this.#watched.get(name) ?? this.#first(name, timeMs)
    sightings.lastMs = Math.max(sightings.lastMs, timeMs)
    sightings.sessions++
    if (isMild) {
      sightings.mildAt.push(this.#numClosed)
      if (sightings.mildAt.length > this.options.sessions) sightings.mildAt.shift()
    }
    if (timeMs >= sightings.lastSpacedMs + this.#spacingMs) {
      sightings.spaced++
      sightings.lastSpacedMs = timeMs
    }
    if (!this.#isEnough(sightings)) return undefined
    this.#watched.delete(name)
    return sightings
  }

  #first(name: string, timeMs: number): Sightings {
    const sightings = {
      firstMs: timeMs,
      lastMs: timeMs,
      numBefore: this.#numClosed - 1,
      sessions: 0,
      mildAt: [],
      spaced: 0,
      lastSpacedMs: Number.NEGATIVE_INFINITY,
    }
    this.#watched.set(name, sightings)
    return sightings
  }

  /** A burst of low severity is not held up by a first sighting long before it; anything else must be as common all along. */
  #isEnough({ sessions, mildAt, spaced, numBefore }: Sightings): boolean {
    const { sessions: needed, share } = this.options
    const isBurst = mildAt.length === needed && needed >= share * (this.#numClosed - mildAt[0]! + 1)
    return isBurst || (spaced >= needed && sessions >= share * (this.#numClosed - numBefore))
  }
}
