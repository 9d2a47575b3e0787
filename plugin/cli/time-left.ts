/** Seconds over which the speed is averaged: long enough to smooth the pauses for validation, short enough to follow a machine that slows down. */
const MEMORY_SECONDS = 15
/** Shorter stretches of time say little about speed. */
const MIN_STRETCH_SECONDS = 0.25
/** Nothing is said before so much time was seen. */
const WARM_UP_SECONDS = 1.5

/** Estimates how long work will take, from an exponentially smoothed speed. */
export class TimeLeft {
  #started: number | undefined
  #lastTime = 0
  #lastDone = 0
  #smoothedSpeed = 0
  #weight = 0

  /**
   * Takes note of the work done by `nowSeconds`, on a clock that only goes forward.
   * @returns seconds left until `total` is done, undefined while too little was seen
   */
  update(done: number, total: number, nowSeconds: number): number | undefined {
    if (this.#started === undefined) {
      this.#started = this.#lastTime = nowSeconds
      this.#lastDone = done
    }
    const stretch = nowSeconds - this.#lastTime
    if (stretch >= MIN_STRETCH_SECONDS) {
      this.#note((done - this.#lastDone) / stretch, stretch)
      this.#lastTime = nowSeconds
      this.#lastDone = done
    }
    if (nowSeconds - this.#started < WARM_UP_SECONDS || this.#smoothedSpeed <= 0) return undefined
    return ((total - done) * this.#weight) / this.#smoothedSpeed
  }

  /** The first stretches count in full: dividing by the weights' sum takes the start at 0 out again. */
  #note(speed: number, seconds: number): void {
    const share = 1 - Math.exp(-seconds / MEMORY_SECONDS)
    this.#smoothedSpeed += share * (speed - this.#smoothedSpeed)
    this.#weight += share * (1 - this.#weight)
  }
}
