/** A stretch of lines with one session id, as found in a training log. */
export interface Stretch {
  /** Log keys in order. */
  readonly keys: readonly number[]
  /** Time of each line, in milliseconds since the epoch, or its number where lines have no times. */
  readonly times: readonly number[]
  /** Whether a line said that the session ended there. */
  readonly hasEnded: boolean
}

/** Points (pause, share of pauses longer than it) in ascending order of pauses. */
export type PausePoints = [pause: number, share: number][]

/** Points kept of a curve. */
const MAX_POINTS = 40

interface Gap {
  readonly length: number
  /** Whether the session went on after it; else the log stopped first. */
  readonly isOver: boolean
}

/** Fewer pauses than this after a log key say little; then those after all keys count. */
const MIN_GAPS = 20

/**
 * When a log stops, which of its sessions are over, and which would have gone on?
 *
 * For each last log key the pauses that followed it elsewhere tell: by the Kaplan-Meier estimate S of how long it stays quiet after that key,
 * sessions still open counted as cut short at the end of the log, a share S(infinity) never goes on. So a session quiet for a time t is over with
 * probability S(infinity) / S(t) (Maller and Zhou, 1992). Taking all open sessions as ended would teach the model ends in the middle of
 * sessions; taking none would teach it none.
 */
export class EndEstimator {
  readonly #curves = new Map<number, SurvivalCurve>()
  readonly #overall: SurvivalCurve
  /** Longest pause that a session survived, in the unit of the times. */
  readonly longestPause: number

  constructor(stretches: readonly Stretch[], logEnd: number) {
    const gaps = new Map<number, Gap[]>()
    let longestPause = 0
    for (const { keys, times, hasEnded } of stretches) {
      for (let i = 0; i < keys.length; i++) {
        const isLast = i === keys.length - 1
        if (isLast && hasEnded) continue
        const length = Math.max(0, (isLast ? logEnd : times[i + 1]!) - times[i]!)
        if (!isLast && length > longestPause) longestPause = length
        const list = gaps.get(keys[i]!)
        if (list === undefined) gaps.set(keys[i]!, [{ length, isOver: !isLast }])
        else list.push({ length, isOver: !isLast })
      }
    }
    for (const [key, list] of gaps)
      if (list.length >= MIN_GAPS) this.#curves.set(key, new SurvivalCurve(list))
    this.#overall = new SurvivalCurve([...gaps.values()].flat())
    this.longestPause = longestPause
  }

  /**
   * How long it stays quiet after each log key where the session goes on: for each key points (pause, share of pauses longer), thinned. Keys
   * that say little by themselves are left out; the points under `undefined` are of all keys together.
   */
  pauses(): Map<number | undefined, PausePoints> {
    const points = new Map<number | undefined, PausePoints>([[undefined, this.#overall.points()]])
    for (const [key, curve] of this.#curves) points.set(key, curve.points())
    return points
  }

  /** Probability that a session whose last key is `key` is over after having been quiet for `quiet`. */
  probabilityOver(key: number, quiet: number): number {
    const curve = this.#curves.get(key) ?? this.#overall
    return curve.plateau === 0 ? 0 : curve.plateau / curve.at(quiet)
  }
}

/** Kaplan-Meier estimate of how long it stays quiet. */
class SurvivalCurve {
  readonly #lengths: number[] = []
  readonly #values: number[] = []
  /** Share that never goes on. */
  readonly plateau: number

  constructor(gaps: Gap[]) {
    const sorted = gaps.toSorted((a, b) => a.length - b.length)
    let value = 1
    for (let i = 0; i < sorted.length; ) {
      const { length } = sorted[i]!
      const numAtRisk = sorted.length - i
      let numOver = 0
      for (; i < sorted.length && sorted[i]!.length === length; i++) if (sorted[i]!.isOver) numOver++
      if (numOver === 0) continue
      value *= 1 - numOver / numAtRisk
      this.#lengths.push(length)
      this.#values.push(value)
    }
    this.plateau = value
  }

  /** Share still quiet after `length`. */
  at(length: number): number {
    let low = 0
    let high = this.#lengths.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#lengths[middle]! <= length) low = middle + 1
      else high = middle
    }
    return low === 0 ? 1 : this.#values[low - 1]!
  }

  /** The curve of those that go on, thinned to points whose shares are about evenly spaced. */
  points(): PausePoints {
    const points: PausePoints = []
    const step = 1 / MAX_POINTS
    let last = 1
    this.#values.forEach((value, i) => {
      const share = this.plateau === 1 ? 0 : (value - this.plateau) / (1 - this.plateau)
      if (last - share < step && i < this.#values.length - 1) return
      points.push([this.#lengths[i]!, Number(Math.max(0, share).toPrecision(4))])
      last = share
    })
    return points
  }
}
