import { DETECTOR_INDEX, DETECTOR_NAMES, type DetectorName, type Statistics } from './detectors/detector.js'
import { type TopK, type TopKLimit, topKLimit } from './detectors/top-k.js'
import { NullDistribution } from './null-distribution.js'
import type { Validation } from './validation.js'
import { View } from './view.js'

export interface JudgeOptions {
  /** Sessions flagged per normal session. Default by the model: defaultFalseAlarmRate. */
  readonly falseAlarmRate?: number
  /** Which detectors decide. Default all but time-gap, which takes a system under load for one that is ill, and top-k. */
  readonly detectors?: readonly DetectorName[]
  /** K of the top-k detector. Default auto. */
  readonly topK?: TopK
}

export const DEFAULT_JUDGE_OPTIONS = {
  detectors: ['next-key', 'unseen-key', 'session-end', 'key-set', 'count-order', 'count-vector', 'parameter'],
  topK: 'auto',
} as const satisfies Required<Omit<JudgeOptions, 'falseAlarmRate'>>

/** One false alarm in a thousand sessions. */
const DEFAULT_RATE = 0.001
/** What the default is raised to at most. */
const MAX_DEFAULT_RATE = 0.02
/** So many sessions, the one judged among them, must lie at or beyond a threshold that is counted: beyond the last of them it is a guess. */
const VOUCHERS = 4

/**
 * The false-alarm rate of a model where none is chosen: 0.001, or where its validation sessions are too few to count that, the finest that they can
 * vouch for, at most 0.02. A training that left sessions out as anomalies needs no raise: they showed that anomalies lie far beyond the rest.
 */
export function defaultFalseAlarmRate({ validation, training }: Calibrated): number {
  if (Number(training.numTrimmed) > 0) return DEFAULT_RATE
  return Math.min(MAX_DEFAULT_RATE, Math.max(DEFAULT_RATE, VOUCHERS / (validation.numSessions + 1)))
}

/** What a judge needs of a model. */
export interface Calibrated {
  readonly validation: Validation
  readonly vocabulary: { readonly keys: readonly string[] }
  /** As recorded in the bundle. */
  readonly training: { readonly numTrimmed?: unknown }
}

export type Severity = 'none' | 'low' | 'medium' | 'high'

/** The decision about one event or end. */
export interface Judgement {
  readonly isAnomaly: boolean
  /** -log10 of the p-value, 0 to MAX_SCORE. */
  readonly score: number
  readonly severity: Severity
  /** On anomalies, the detectors that speak for it, the strongest first. */
  readonly reasons: readonly DetectorName[]
  /** Views whose evidence the event raised, where it was flagged or would be rare. */
  readonly raised: readonly number[]
}

/** What a session has shown so far. Owned by the session. */
export interface Standing {
  /** By view: the strongest evidence, and the index of the detector that found it. */
  readonly evidence: number[]
  readonly detectors: number[]
}

export const MAX_SCORE = 12
/** Surprises computed in another batch differ in their last digits, by up to 1e-5 nats: with so much between the points scores hardly show it. */
const SCORE_GRID = 0.25
const NONE: readonly never[] = []
/** Evidence of one normal session in a hundred: what is weaker is no reason by itself. */
const REASON = Math.log(10)

/**
 * Decides, at one false-alarm rate, by what all detectors found together.
 *
 * Each view's evidence is how far its strongest detector goes beyond what normal sessions show, in units of how they stray; the session's evidence
 * is the sum over views (a truncated product of p-values: Zaykin et al., 2002), and its p-value is read off the same sum of validation normals.
 * So there is one budget, however many detectors are used and however they depend on each other: as far as validation sessions are
 * exchangeable with new ones, at most `falseAlarmRate` of normal sessions are flagged. As evidence only grows, a session is flagged at the event
 * where it becomes enough.
 */
export class Judge {
  readonly falseAlarmRate: number
  /** Evidence from which on a session is flagged. */
  readonly threshold: number
  readonly #views: readonly View[]
  /** Evidence in validation normals. */
  readonly normals: NullDistribution
  /** The same, of each session, ascending. */
  readonly normalEvidence: Float64Array
  /** The same for scores, which may not jump by what another order of computing changes. */
  readonly #smooth: NullDistribution
  readonly #topK: TopKLimit | undefined
  readonly #validation: Validation
  readonly #byDetector = new Map<DetectorName, NullDistribution>()
  /** Views raised by the event being judged: most are not told, so they are copied only where they are. */
  readonly #raised: number[] = []

  constructor(model: Calibrated, options: JudgeOptions = {}) {
    const { validation, vocabulary } = model
    const { detectors, topK } = { ...DEFAULT_JUDGE_OPTIONS, ...options }
    const { falseAlarmRate = defaultFalseAlarmRate(model) } = options
    this.falseAlarmRate = falseAlarmRate
    this.#validation = validation
    this.#views = View.all(validation, detectors)
    this.normalEvidence = evidenceOf(validation, this.#views).sort()
    this.normals = NullDistribution.of(this.normalEvidence)
    this.threshold = this.normals.threshold(falseAlarmRate)
    this.#smooth = NullDistribution.of(this.normalEvidence, SCORE_GRID)
    this.#topK = (detectors as readonly DetectorName[]).includes('top-k')
      ? topKLimit(topK, validation, vocabulary.keys.length, falseAlarmRate)
      : undefined
  }

  /** Surprise up to which a detector's findings are no evidence, in nats; infinite where it does not decide. */
  least(detector: DetectorName): number {
    const index = DETECTOR_INDEX[detector]
    return this.#views.find(({ detectors }) => detectors.includes(index))?.start ?? Number.POSITIVE_INFINITY
  }

  /** Whether the rarity of events is asked for. */
  get needsRarity(): boolean {
    return this.#topK?.statistic === 'rarity'
  }

  /** For a session that has just begun. */
  begin(): Standing {
    return { evidence: this.#views.map(() => 0), detectors: this.#views.map(() => 0) }
  }

  /** The detector that found a view's strongest evidence. */
  detectorOf({ detectors }: Standing, view: number): DetectorName {
    return DETECTOR_NAMES[detectors[view]!]!
  }

  /** How often a normal session shows a detector this much at least, by its own calibration. @param statistic surprise in nats, or rank */
  pValue(detector: DetectorName, statistic: number): number {
    let normals = this.#byDetector.get(detector)
    if (normals === undefined) {
      normals = NullDistribution.of(this.#validation.statistics[detector])
      this.#byDetector.set(detector, normals)
    }
    // A tail fitted to a few sessions claims no more than the detector's own probability of what it found.
    const least = detector === 'top-k' ? 0 : Math.exp(-statistic)
    return Math.max(least, normals.pValue(statistic))
  }

  /** Whether a surprise is beyond everyday life as a detector in use sees it, so that it counts as evidence. */
  isOdd(detector: DetectorName, surprise: number): boolean {
    const index = DETECTOR_INDEX[detector]
    const view = this.#views.find(({ detectors }) => detectors.includes(index))
    return view !== undefined && view.evidence(surprise) > 0
  }

  /** Judges what an event, or a session's end, showed, and lets the session remember it. */
  judge(standing: Standing, shown: Statistics): Judgement {
    let before = 0
    let own = 0
    let after = 0
    let isRaised = false
    let isNotable = false
    const raised = this.#raised
    raised.length = 0
    for (let i = 0; i < this.#views.length; i++) {
      const view = this.#views[i]!
      const strongest = view.strongest(shown)
      const evidence = view.evidence(shown[strongest]!)
      before += standing.evidence[i]!
      own += evidence
      if (evidence > standing.evidence[i]!) {
        standing.evidence[i] = evidence
        standing.detectors[i] = strongest
        isRaised = true
        raised.push(i)
        isNotable ||= evidence >= REASON
      }
      after += standing.evidence[i]!
    }
    // What adds nothing to what the session has shown already speaks for itself alone.
    const evidence = isRaised ? after : own
    const isEnough = isRaised && after >= this.threshold && (before < this.threshold || isNotable)
    return this.#decide(standing, evidence, isEnough, shown, isEnough || isNotable ? raised.slice() : NONE)
  }

  #decide(
    standing: Standing,
    evidence: number,
    isEnough: boolean,
    shown: Statistics,
    raised: readonly number[],
  ): Judgement {
    const topK = this.#topK
    const isBeyondK = topK !== undefined && shown[DETECTOR_INDEX[topK.statistic]]! > topK.largest
    const p = this.#rarity(evidence)
    const score = Math.min(MAX_SCORE, -Math.log10(isBeyondK ? Math.min(p, this.falseAlarmRate) : p))
    const isAnomaly = isEnough || isBeyondK
    if (!isAnomaly) return { isAnomaly, score, severity: 'none', reasons: NONE, raised }
    const reasons = isEnough ? this.#reasons(standing) : []
    if (isBeyondK) reasons.push('top-k')
    return { isAnomaly, score, severity: this.severity(isAnomaly, score), reasons, raised }
  }

  /**
   * How often normal sessions come to this much evidence, for scores. Beyond the threshold it is read off the fitted tail: counted, one odd
   * validation session far out would give all that is flagged on this side of it one score.
   */
  #rarity(evidence: number): number {
    if (evidence < this.threshold) return this.#smooth.pValue(evidence)
    return this.falseAlarmRate * this.normals.shareBeyond(this.threshold, evidence)
  }

  /** Detectors whose evidence would be rare by itself, and in any case the strongest. */
  #reasons({ evidence, detectors }: Standing): DetectorName[] {
    const order = evidence.map((_, i) => i).sort((a, b) => evidence[b]! - evidence[a]!)
    return order
      .filter((view, place) => place === 0 || evidence[view]! >= REASON)
      .map(view => DETECTOR_NAMES[detectors[view]!]!)
  }

  /** Anomalies grow from low to medium ten times beyond the false-alarm rate, and to high a hundred times beyond. */
  severity(isAnomaly: boolean, score: number): Severity {
    if (!isAnomaly) return 'none'
    const beyond = score + Math.log10(this.falseAlarmRate)
    return beyond >= 2 ? 'high' : beyond >= 1 ? 'medium' : 'low'
  }
}

/** The sum of the views' evidence in each validation session. */
function evidenceOf({ numSessions, statistics }: Validation, views: readonly View[]): Float64Array {
  return Float64Array.from({ length: numSessions }, (_, i) =>
    views.reduce((sum, view) => {
      const largest = view.detectors.reduce(
        (most, detector) => Math.max(most, statistics[DETECTOR_NAMES[detector]!][i]!),
        0,
      )
      return sum + view.evidence(largest)
    }, 0),
  )
}

/** Whether a text names a detector. */
export function isDetectorName(text: string): text is DetectorName {
  return (DETECTOR_NAMES as readonly string[]).includes(text)
}
