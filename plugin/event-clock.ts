/** A line whose time lies further ahead than this is not believed at once, in milliseconds. */
const MAX_JUMP_MS = 600_000
/** Lines in a row that must agree before the clock follows them there. */
const WITNESSES = 3

/**
 * Time as the log tells it: the highest time seen. One line with a clock gone wild must not end every session, so a jump far ahead counts only
 * once several lines in a row have made it; time never runs backward.
 */
export class EventClock {
  #now = Number.NEGATIVE_INFINITY
  #numAhead = 0

  /** Milliseconds since the epoch; -Infinity before the first line with a time. */
  get now(): number {
    return this.#now
  }

  /** Another clock that shows the same, to go on from here and be kept only if what follows counts. */
  copy(): EventClock {
    const copy = new EventClock()
    copy.#now = this.#now
    copy.#numAhead = this.#numAhead
    return copy
  }

  /** Takes note of a line's time (NaN: it has none) and returns the time now. */
  advance(timeMs: number): number {
    if (timeMs > this.#now) {
      const isFar = timeMs > this.#now + MAX_JUMP_MS && this.#now !== Number.NEGATIVE_INFINITY
      this.#numAhead = isFar ? this.#numAhead + 1 : 0
      if (!isFar || this.#numAhead >= WITNESSES) {
        this.#now = timeMs
        this.#numAhead = 0
      }
    } else if (timeMs <= this.#now) {
      this.#numAhead = 0
    }
    return this.#now
  }
}
