/**
 * What validation normals say about a statistic: how often a normal session reaches a value, the p-value.
 *
 * As far as validation sessions reach they are counted: p = (number at or beyond + 1) / (sessions + 1), the conformal p-value (Vovk et al.,
 * 2005). Further out a generalised Pareto tail is fitted to the largest values (Pickands, 1975; SPOT, Siffer et al., 2017) and joined to the
 * counted part. Between points of a grid p runs straight in its logarithm, so that rounding noise in a statistic never makes it jump; it is
 * read off at the grid point below, which errs on the side of the larger p.
 */
export class NullDistribution {
  /** ln p at 0, GRID, 2 GRID ... up to the tail. */
  readonly #logs: Float64Array
  readonly #tail: Tail

  private constructor(
    readonly numSessions: number,
    readonly grid: number,
    counted: Float64Array,
    tail: Tail,
  ) {
    this.#logs = counted.map(Math.log)
    this.#tail = tail
  }

  /** From the values of validation sessions, at least one, none negative. @param grid distance of the points between which p runs straight */
  static of(values: ArrayLike<number>, grid = GRID): NullDistribution {
    const sorted = Float64Array.from(values).sort()
    const count = sorted.length
    // The first point of the grid that no session reaches.
    const start = (Math.floor(sorted[count - 1]! / grid) + 1) * grid
    const counted = Float64Array.from(
      { length: Math.round(start / grid) + 1 },
      (_, i) => (count - lowerBound(sorted, i * grid) + 1) / (count + 1),
    )
    return new NullDistribution(count, grid, counted, fitTail(sorted, start))
  }

  /** How often a normal session reaches `value`, above 0 and at most 1. */
  pValue(value: number): number {
    const { grid } = this
    const { start } = this.#tail
    if (value >= start + grid) return tailShare(this.#tail, value - grid)
    return value <= grid ? 1 : this.#interpolate(value / grid - 1)
  }

  /** Of the normal sessions beyond `from` the share that reach `value` too, by the fitted tail alone, however odd single validation sessions are. */
  shareBeyond(from: number, value: number): number {
    const { start, scale, shape } = this.#tail
    const scaleThere = Math.max(MIN_SCALE, scale + shape * (from - start))
    return tailShare({ start: from, share: 1, scale: scaleThere, shape }, value)
  }

  /** The value beyond which normal sessions come at the rate `rate`. */
  threshold(rate: number): number {
    let low = 0
    let high = 1
    while (this.pValue(high) > rate) high *= 2
    // p falls with the value, so halving the interval finds where it crosses the rate.
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2
      if (this.pValue(middle) > rate) low = middle
      else high = middle
    }
    return high
  }

  /** Where the counted part ends and the fitted tail begins. */
  get tailStart(): number {
    return this.#tail.start
  }

  #interpolate(index: number): number {
    const i = Math.floor(index)
    const left = this.#logs[i]!
    const right = this.#logs[i + 1] ?? left
    return Math.exp(left + (right - left) * (index - i))
  }
}

/** A generalised Pareto tail: share (1 + shape (x - start) / scale)^(-1/shape). */
interface Tail {
  readonly start: number
  readonly share: number
  readonly scale: number
  readonly shape: number
}

const GRID = 0.01
/** Share of the sessions that the tail is fitted to, and how many it takes at the least. */
const TAIL_SHARE = 0.05
const MIN_TAIL = 20
/** Tails thinner than this are not believed: life brings more than some tens of sessions show. Nor those so heavy that a mean hardly exists. */
const MIN_SHAPE = 0.25
const MAX_SHAPE = 0.5
const MIN_SCALE = 0.1

/** Probability-weighted moments (Hosking and Wallis, 1987) of what lies beyond a lower point; the scale grows with the way up to `start`. */
function fitTail(sorted: Float64Array, start: number): Tail {
  const count = sorted.length
  const share = 1 / (count + 1)
  const numTail = Math.min(Math.floor(count / 2), Math.max(MIN_TAIL, Math.ceil(count * TAIL_SHARE)))
  const base = sorted[count - 1 - numTail] ?? 0
  const excess = sorted.subarray(count - numTail).map(value => value - base)
  let mean = 0
  let weighted = 0
  excess.forEach((value, i) => {
    mean += value / numTail
    weighted += (value * (numTail - 1 - i)) / (numTail - 1) / numTail
  })
  const spread = mean - 2 * weighted
  if (!(numTail > 1 && spread > 0)) return { start, share, scale: 1, shape: MIN_SHAPE }
  const shape = Math.min(MAX_SHAPE, Math.max(MIN_SHAPE, 2 - mean / spread))
  // With the shape held within bounds the mean still fits: scale / (1 - shape) is the mean excess.
  const scale = mean * (1 - shape) + shape * Math.max(0, start - base)
  return { start, share, scale: Math.max(MIN_SCALE, scale), shape }
}

function tailShare({ start, share, scale, shape }: Tail, value: number): number {
  return share * (1 + (shape * Math.max(0, value - start)) / scale) ** (-1 / shape)
}

/** Index of the first element that is at least `value`. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
