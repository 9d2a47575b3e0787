/**
 * What validation normals say about a session's largest surprise: how often it is at least so large. Below the tail this is counted, on a grid
 * of GRID nats with straight lines (in ln p) between, so that rounding noise in a surprise never jumps a step; beyond `tail.start` it falls
 * exponentially: events to which a calibrated model gives the probability p come up about that often, so surprises thin out by a factor e a nat.
 */
export interface Calibration {
  /** Validation sessions behind it. */
  readonly numSessions: number
  /** p-value at 0, GRID, 2 GRID... nats, up to the tail; falling. */
  readonly pValues: readonly number[]
  readonly tail: {
    /** Surprise where the fitted tail takes over: the last point of the grid. */
    readonly start: number
    /** Share of sessions beyond it. */
    readonly share: number
    /** Nats over which the share falls by a factor e. */
    readonly scale: number
  }
  /** Largest rank of each session, ascending; at most MAX_RANKS_KEPT evenly spaced order statistics. */
  readonly maxRanks: readonly number[]
}

/** Nats between points of the counted part. */
const GRID = 0.1
const MAX_RANKS_KEPT = 2000
/** Share of the sessions that the tail is fitted to, and how many it takes at the least. */
const TAIL_SHARE = 0.03
const MIN_TAIL = 20
/** A tail thinner than the model's own probabilities would claim more than the model knows. */
const MIN_SCALE = 1

/** Calibrates on the largest surprise and the largest rank of each validation session; at least one session. */
export function calibrate(maxSurprises: ArrayLike<number>, maxRanks: ArrayLike<number>): Calibration {
  const sorted = Float64Array.from(maxSurprises).sort()
  const count = sorted.length
  const numTail = Math.min(Math.floor(count / 2), Math.max(MIN_TAIL, Math.ceil(count * TAIL_SHARE)))
  const start = Math.ceil(Math.max(0, sorted[count - 1 - numTail]!) / GRID) * GRID
  const beyond = sorted.subarray(lowerBound(sorted, start))
  const excess = beyond.reduce((sum, surprise) => sum + surprise - start, 0)
  const atLeast = (surprise: number): number => (count - lowerBound(sorted, surprise) + 1) / (count + 1)
  const numPoints = Math.round(start / GRID) + 1
  return {
    numSessions: count,
    pValues: Array.from({ length: numPoints }, (_, i) => Number(atLeast(i * GRID).toPrecision(6))),
    tail: {
      start,
      share: Number(atLeast(start).toPrecision(6)),
      scale: Math.max(MIN_SCALE, beyond.length === 0 ? 0 : excess / beyond.length),
    },
    maxRanks: thin(Float64Array.from(maxRanks).sort()),
  }
}

/**
 * How often a normal session holds an event at least this surprising: the p-value. Never below e^-surprise, the probability that the model
 * itself gives the event.
 */
export function pValue(calibration: Calibration, surprise: number): number {
  const { tail } = calibration
  const fitted =
    surprise >= tail.start
      ? tail.share * Math.exp((tail.start - surprise) / tail.scale)
      : interpolate(calibration.pValues, Math.max(0, surprise) / GRID)
  return Math.max(fitted, Math.exp(-surprise))
}

/** The surprise beyond which normal sessions are flagged at the rate `falseAlarmRate` (sessions flagged per normal session). */
export function surpriseThreshold(calibration: Calibration, falseAlarmRate: number): number {
  let low = 0
  let high = 1
  while (pValue(calibration, high) > falseAlarmRate) high *= 2
  // p falls with surprise, so halving the interval finds where it crosses the rate.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (pValue(calibration, middle) > falseAlarmRate) low = middle
    else high = middle
  }
  return high
}

/** The smallest K for which at most `falseAlarmRate` of the validation sessions hold a key of rank K or beyond. */
export function topKForRate({ maxRanks }: Calibration, falseAlarmRate: number): number {
  const allowed = Math.floor(falseAlarmRate * maxRanks.length)
  return maxRanks[maxRanks.length - 1 - allowed]! + 1
}

/** The value at a fractional index of falling positive values, straight in their logarithm. */
function interpolate(values: readonly number[], index: number): number {
  const i = Math.floor(index)
  const left = Math.log(values[i]!)
  const right = Math.log(values[i + 1] ?? values[i]!)
  return Math.exp(left + (right - left) * (index - i))
}

function thin(sorted: Float64Array): number[] {
  const kept = Math.min(sorted.length, MAX_RANKS_KEPT)
  return Array.from(
    { length: kept },
    (_, i) => sorted[kept === 1 ? 0 : Math.round((i * (sorted.length - 1)) / (kept - 1))]!,
  )
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
