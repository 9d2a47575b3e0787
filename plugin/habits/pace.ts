/** Spans in which a session's lines are counted, in milliseconds: much longer than a clock of whole seconds can be wrong by. */
export const BURST_SPANS_MS = [10_000, 60_000] as const

/** When a session's lines came: what is needed to see pauses and bursts. Owned by the session. */
export class Pace {
  #lastMs = Number.NaN
  /** Of the line before; undefined for the first. */
  previous: number | undefined
  /** Milliseconds since the line before; NaN where that is not known. */
  gapMs = Number.NaN
  /** By span: lines in the present one. */
  readonly counts: number[] = [0, 0]
  readonly #beginMs: number[] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]

  /** Takes note of a line. @param timeMs of a steady clock, NaN if the line has none */
  arrive(timeMs: number): void {
    if (Number.isNaN(timeMs)) {
      this.gapMs = Number.NaN
      return
    }
    this.gapMs = Math.max(0, timeMs - this.#lastMs)
    this.#lastMs = timeMs
    for (let i = 0; i < this.counts.length; i++) {
      if (timeMs - this.#beginMs[i]! < BURST_SPANS_MS[i]!) this.counts[i]!++
      else {
        this.#beginMs[i] = timeMs
        this.counts[i] = 1
      }
    }
  }
}
