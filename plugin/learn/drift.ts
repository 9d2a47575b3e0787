import { UNKNOWN } from '../../scorer/vocabulary.js'
import type { Session } from '../session.js'

/** Sessions looked back on. */
const WINDOW = 1000
/** Of normal sessions, one in ten is at least so strange: -log10 of its p-value. */
const EVERYDAY_SCORE = 1
/** Twice the share that calibration expects, twenty times what chance makes of a thousand sessions. */
const MAX_STRANGE = 0.2
const MAX_UNKNOWN = 0.02

interface Seen {
  readonly isStrange: boolean
  readonly numEvents: number
  readonly numUnknown: number
}

/** How far the log has moved from what the model learnt, by the last thousand sessions that closed. */
export class Drift {
  readonly #seen: Seen[] = []
  #next = 0
  #strange = 0
  #events = 0
  #unknown = 0

  add({ findings, numEvents, tally }: Session): void {
    const fresh = {
      isStrange: findings.score >= EVERYDAY_SCORE,
      numEvents,
      numUnknown: tally.count(UNKNOWN),
    }
    const old = this.#seen[this.#next]
    this.#seen[this.#next] = fresh
    this.#next = (this.#next + 1) % WINDOW
    this.#count(fresh, 1)
    if (old !== undefined) this.#count(old, -1)
  }

  /** Share of lines whose template the model does not know; those adopted do not count. */
  get unknownShare(): number {
    return this.#unknown / Math.max(1, this.#events)
  }

  /** Share of sessions with a p-value of at most 0.1: about a tenth while calibration holds. */
  get strangeShare(): number {
    return this.#strange / Math.max(1, this.#seen.length)
  }

  /** Whether the window is full and one of the shares is beyond what chance explains. */
  get isDrifting(): boolean {
    return (
      this.#seen.length === WINDOW && (this.strangeShare > MAX_STRANGE || this.unknownShare > MAX_UNKNOWN)
    )
  }

  /** Begins again, for another model. */
  reset(): void {
    this.#seen.length = 0
    this.#next = this.#strange = this.#events = this.#unknown = 0
  }

  #count({ isStrange, numEvents, numUnknown }: Seen, sign: 1 | -1): void {
    if (isStrange) this.#strange += sign
    this.#events += sign * numEvents
    this.#unknown += sign * numUnknown
  }
}
