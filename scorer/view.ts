import { DETECTOR_INDEX, type DetectorName, type Statistics, VIEWS } from './detectors/detector.js'
import type { Validation } from './validation.js'

/** Evidence counts from where one normal session in ten goes beyond: what is weaker is everyday life. */
const TAIL_SHARE = 0.1
const MIN_SCALE = 0.1
/** Evidence of a network is vouched for as far as this many validation sessions lie beyond; further out it guesses, and counts half. */
const VOUCHERS = 10

/** One view's evidence: the strongest of its detectors, in units of how far normal sessions stray. */
export class View {
  private constructor(
    readonly name: string,
    /** Indices of the detectors in use. */
    readonly detectors: readonly number[],
    /** Surprise where evidence begins. */
    readonly start: number,
    /** Mean excess of the validation sessions beyond it: if they thin out exponentially, evidence grows by 1 as they thin by e. */
    readonly scale: number,
    /** Evidence beyond this counts half. */
    readonly vouched: number,
  ) {}

  /** The views that have a detector in use. */
  static all(validation: Validation, detectors: readonly DetectorName[]): View[] {
    return VIEWS.flatMap(({ name, isNetwork, detectors: all }) => {
      const used = all.filter(detector => detectors.includes(detector))
      if (used.length === 0) return []
      const { start, scale } = tailOf(largest(used.map(detector => validation.statistics[detector])))
      return [
        new View(
          name,
          used.map(detector => DETECTOR_INDEX[detector]),
          start,
          scale,
          isNetwork
            ? Math.max(0, Math.log((TAIL_SHARE * validation.numSessions) / VOUCHERS))
            : Number.POSITIVE_INFINITY,
        ),
      ]
    })
  }

  /** Index of the detector with the largest statistic. */
  strongest(statistics: Statistics): number {
    let best = this.detectors[0]!
    for (const index of this.detectors) if (statistics[index]! > statistics[best]!) best = index
    return best
  }

  /** Evidence of a surprise in nats, at least 0. */
  evidence(surprise: number): number {
    if (surprise <= this.start) return 0
    const evidence = (surprise - this.start) / this.scale
    return evidence <= this.vouched ? evidence : (evidence + this.vouched) / 2
  }
}

function largest(columns: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(columns[0]!, (_, i) => Math.max(...columns.map(column => column[i]!)))
}

function tailOf(values: Float64Array): { start: number; scale: number } {
  const sorted = values.sort()
  const start = sorted[Math.max(0, Math.ceil(sorted.length * (1 - TAIL_SHARE)) - 1)]!
  const beyond = sorted.filter(value => value > start)
  if (beyond.length === 0) return { start, scale: 1 }
  const mean = beyond.reduce((sum, value) => sum + value - start, 0) / beyond.length
  return { start, scale: Math.max(MIN_SCALE, mean) }
}
