/**
 * What validation normals say about a session's largest surprise. The tail beyond `tail.start` is exponential: a calibrated model's
 * events of probability p come up with a frequency near p, so surprises thin out by a factor e for about every nat.
 */
export interface Calibration {
  /** Validation sessions behind it. */
  readonly numSessions: number
  /** Largest surprise of a session, ascending, at most MAX_KEPT evenly spaced order statistics. */
  readonly maxima: readonly number[]
  readonly tail: {
    /** Surprise where the fitted tail takes over. */
    readonly start: number
    /** Share of sessions beyond it. */
    readonly share: number
    /** Nats over which the share falls by a factor e. */
    readonly scale: number
  }
  /** Largest rank of a session, ascending, thinned like maxima. */
  readonly maxRanks: readonly number[]
}

/** How many order statistics a bundle keeps. */
const MAX_KEPT = 2000
/** Share of the sessions that the tail is fitted to, and how many it takes at the least. */
const TAIL_SHARE = 0.1
const MIN_TAIL = 20
/** A tail thinner than the model's own probabilities would claim more than the model knows. */
const MIN_SCALE = 1

/** Calibrates on the largest surprise and the largest rank of each validation session; at least one session. */
export function calibrate(maxSurprises: ArrayLike<number>, maxRanks: ArrayLike<number>): Calibration {
  const maxima = Float64Array.from(maxSurprises).sort()
  const count = maxima.length
  const numTail = Math.min(Math.floor(count / 2), Math.max(MIN_TAIL, Math.ceil(count * TAIL_SHARE)))
  const start = maxima[count - 1 - numTail]!
  let excess = 0
  for (let i = count - numTail; i < count; i++) excess += maxima[i]! - start
  const scale = Math.max(MIN_SCALE, numTail === 0 ? 0 : excess / numTail)
  return {
    numSessions: count,
    maxima: thin(maxima),
    tail: { start, share: Math.max(numTail, 1) / count, scale },
    maxRanks: thin(Float64Array.from(maxRanks).sort()),
  }
}

/**
 * How often a normal session holds an event at least this surprising: the p-value. Empirical up to the tail (counting the new session
 * itself, so never 0), exponential beyond, and never below the probability e^-surprise that the model itself gives the event.
 */
export function pValue({ maxima, numSessions, tail }: Calibration, surprise: number): number {
  const floor = Math.exp(-surprise)
  if (surprise > tail.start)
    return Math.max(floor, tail.share * Math.exp((tail.start - surprise) / tail.scale))
  const atLeast = ((maxima.length - lowerBound(maxima, surprise)) / maxima.length) * numSessions
  return Math.max(floor, tail.share, (atLeast + 1) / (numSessions + 1))
}

/** The surprise beyond which a normal session is flagged at the rate `falseAlarmRate` (sessions flagged per normal session). */
export function surpriseThreshold(calibration: Calibration, falseAlarmRate: number): number {
  const { maxima, tail } = calibration
  const own = -Math.log(falseAlarmRate)
  if (falseAlarmRate < tail.share)
    return Math.max(own, tail.start + tail.scale * Math.log(tail.share / falseAlarmRate))
  return Math.max(own, quantileGap(maxima, falseAlarmRate))
}

/** The smallest K for which at most `falseAlarmRate` of the validation sessions hold a key of rank K or beyond. */
export function topKForRate({ maxRanks }: Calibration, falseAlarmRate: number): number {
  const allowed = Math.floor(falseAlarmRate * maxRanks.length)
  return maxRanks[maxRanks.length - 1 - allowed]! + 1
}

/** Half way between the two order statistics around a rate, so that no calibration session sits on the threshold. */
function quantileGap(sorted: readonly number[], rate: number): number {
  const above = Math.min(sorted.length - 1, Math.floor(rate * sorted.length))
  const i = sorted.length - 1 - above
  return (sorted[i]! + (sorted[i + 1] ?? sorted[i]!)) / 2
}

function thin(sorted: Float64Array): number[] {
  const kept = Math.min(sorted.length, MAX_KEPT)
  return Array.from({ length: kept }, (_, i) =>
    Number(sorted[kept === 1 ? 0 : Math.round((i * (sorted.length - 1)) / (kept - 1))]!.toFixed(6)),
  )
}

/** Index of the first element that is at least `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
