/** A clock set back by more than this was set anew; less is disorder among lines. */
const SET_BACK_MS = 60_000

/**
 * The log's time, except that it never leaps: between two lines of the log no more time passes than `maxStepMs`. A clock that is set forward, or a
 * collector that stood still, would otherwise make a long pause of all that is under way.
 */
export class SteadyClock {
  #latestMs = Number.NaN
  #nowMs = 0
  /** Longest time between two lines so far. */
  longestStepMs = 0

  constructor(readonly maxStepMs: number = Number.POSITIVE_INFINITY) {}

  /** The steady time of a line; NaN where it has none. */
  at(timeMs: number): number {
    if (Number.isNaN(timeMs)) return timeMs
    if (Number.isNaN(this.#latestMs)) this.#latestMs = timeMs
    const step = timeMs - this.#latestMs
    if (step < -SET_BACK_MS) {
      this.#latestMs = timeMs
      return this.#nowMs
    }
    if (step <= 0) return this.#nowMs + step
    this.longestStepMs = Math.max(this.longestStepMs, step)
    this.#latestMs = timeMs
    this.#nowMs += Math.min(step, this.maxStepMs)
    return this.#nowMs
  }
}
