/** How often the same warning is given, in milliseconds. */
const PAUSE_MS = 10_000

/** Gives a warning that may come with every batch: at once, and while it goes on, now and then with how often it came. */
export class RepeatedWarning {
  #lastMs = Number.NEGATIVE_INFINITY
  #numLeftOut = 0

  /** @param now time in milliseconds */
  constructor(
    readonly warn: (message: string) => void,
    readonly now: () => number = () => performance.now(),
  ) {}

  give(message: string): void {
    const nowMs = this.now()
    if (nowMs - this.#lastMs < PAUSE_MS) {
      this.#numLeftOut++
      return
    }
    const more = this.#numLeftOut === 0 ? '' : ` (and ${this.#numLeftOut} times before)`
    this.#lastMs = nowMs
    this.#numLeftOut = 0
    this.warn(`${message}${more}`)
  }
}
