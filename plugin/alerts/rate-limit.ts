const HOUR_MS = 3_600_000

/** So many in any hour. */
export class RateLimit {
  readonly #times: number[] = []

  constructor(readonly maxPerHour: number) {}

  /** @returns whether one may go now, which counts it */
  take(nowMs: number): boolean {
    while (this.#times.length > 0 && this.#times[0]! <= nowMs - HOUR_MS) this.#times.shift()
    if (this.#times.length >= this.maxPerHour) return false
    this.#times.push(nowMs)
    return true
  }
}
