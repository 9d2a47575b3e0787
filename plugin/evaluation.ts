import { Random } from '../scorer/random.js'
import { type EarlyFlags, earlyFlags, type FlagPlace } from './early.js'

/** What was decided about one labelled session. */
export interface SessionOutcome extends FlagPlace {
  readonly isFlagged: boolean
  /** Continuous: higher is stranger. */
  readonly score: number
  /** Detectors that flagged it. */
  readonly reasons: ReadonlySet<string>
}

export type Interval = readonly [low: number, high: number]

/** Session-level figures. Counts are raw; precision, F1 and PR-AUC use false positives scaled to the normal population. */
export interface Evaluation {
  readonly normal: number
  readonly abnormal: number
  readonly truePositives: number
  readonly falsePositives: number
  readonly precision: number
  readonly precisionInterval: Interval
  readonly recall: number
  readonly recallInterval: Interval
  readonly f1: number
  readonly f1Interval: Interval
  readonly rocAuc: number
  readonly prAuc: number
  readonly normalPopulation: number
  /** Missing where nothing was caught, or it is not known at which events. */
  readonly early?: EarlyFlags
  readonly detectors: Readonly<
    Record<string, { readonly truePositives: number; readonly falsePositives: number }>
  >
}

const NUM_RESAMPLES = 2000
const RESAMPLE_SEED = 1

/** Compares outcomes on normal and abnormal sessions; false positives are scaled up when the normals are a sample of `normalPopulation`. */
export function evaluateSessions(
  normal: readonly SessionOutcome[],
  abnormal: readonly SessionOutcome[],
  normalPopulation = normal.length,
): Evaluation {
  const scale = normalPopulation / normal.length
  const truePositives = countFlagged(abnormal)
  const falsePositives = countFlagged(normal)
  const early = earlyFlags(abnormal)
  const figures = rates(truePositives, falsePositives * scale, abnormal.length)
  return {
    normal: normal.length,
    abnormal: abnormal.length,
    truePositives,
    falsePositives,
    ...figures,
    ...intervals(truePositives, falsePositives, normal.length, abnormal.length, scale),
    ...areas(normal, abnormal, scale),
    normalPopulation,
    ...(early && { early }),
    detectors: byDetector(normal, abnormal),
  }
}

function countFlagged(outcomes: readonly SessionOutcome[]): number {
  return outcomes.reduce((count, { isFlagged }) => count + (isFlagged ? 1 : 0), 0)
}

function rates(truePositives: number, falsePositives: number, numAbnormal: number) {
  const flagged = truePositives + falsePositives
  const precision = flagged === 0 ? 0 : truePositives / flagged
  const recall = truePositives / numAbnormal
  return {
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
  }
}

/** 95 % intervals by parametric bootstrap: both flag rates drawn from their Beta posteriors (uniform prior). */
function intervals(
  truePositives: number,
  falsePositives: number,
  numNormal: number,
  numAbnormal: number,
  scale: number,
) {
  const random = new Random(RESAMPLE_SEED)
  const draws = Array.from({ length: NUM_RESAMPLES }, () => {
    const caught = beta(random, truePositives + 1, numAbnormal - truePositives + 1) * numAbnormal
    const falsely = beta(random, falsePositives + 1, numNormal - falsePositives + 1) * numNormal * scale
    return rates(caught, falsely, numAbnormal)
  })
  const interval = (pick: (draw: (typeof draws)[number]) => number): Interval => {
    const sorted = draws.map(pick).sort((a, b) => a - b)
    return [sorted[Math.floor(0.025 * NUM_RESAMPLES)]!, sorted[Math.ceil(0.975 * NUM_RESAMPLES) - 1]!]
  }
  return {
    precisionInterval: interval(({ precision }) => precision),
    recallInterval: interval(({ recall }) => recall),
    f1Interval: interval(({ f1 }) => f1),
  }
}

function beta(random: Random, a: number, b: number): number {
  const x = gamma(random, a)
  return x / (x + gamma(random, b))
}

/** Gamma variate of shape >= 1 (Marsaglia and Tsang, 2000). */
function gamma(random: Random, shape: number): number {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** Areas under both curves from the continuous score; ties count half, and for PR-AUC (average precision) as one step. */
function areas(normal: readonly SessionOutcome[], abnormal: readonly SessionOutcome[], scale: number) {
  const all = [
    ...normal.map(({ score }) => ({ score, isAbnormal: false })),
    ...abnormal.map(({ score }) => ({ score, isAbnormal: true })),
  ].sort((a, b) => b.score - a.score)
  let numAbnormal = 0
  let numNormal = 0
  let rocAuc = 0
  let prAuc = 0
  for (let i = 0; i < all.length; ) {
    const { score } = all[i]!
    let abnormalHere = 0
    let normalHere = 0
    for (; i < all.length && all[i]!.score === score; i++) all[i]!.isAbnormal ? abnormalHere++ : normalHere++
    rocAuc += normalHere * (numAbnormal + abnormalHere / 2)
    numAbnormal += abnormalHere
    numNormal += normalHere
    prAuc += (abnormalHere / abnormal.length) * (numAbnormal / (numAbnormal + numNormal * scale))
  }
  return { rocAuc: rocAuc / (normal.length * abnormal.length), prAuc }
}

function byDetector(
  normal: readonly SessionOutcome[],
  abnormal: readonly SessionOutcome[],
): Evaluation['detectors'] {
  const names = new Set([...normal, ...abnormal].flatMap(({ reasons }) => [...reasons]))
  const count = (outcomes: readonly SessionOutcome[], name: string): number =>
    outcomes.reduce((sum, { reasons }) => sum + (reasons.has(name) ? 1 : 0), 0)
  return Object.fromEntries(
    [...names]
      .sort()
      .map(name => [name, { truePositives: count(abnormal, name), falsePositives: count(normal, name) }]),
  )
}
