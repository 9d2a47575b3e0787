import { type Calibration, surpriseThreshold } from './calibrate.js'
import { DETECTOR_NAMES, type Detector, type DetectorName, type Evidence } from './detectors/detector.js'
import { surpriseDetectors } from './detectors/surprise.js'
import { resolveTopK, type TopK, topKDetector } from './detectors/top-k.js'

export interface JudgeOptions {
  /** Sessions flagged per normal session. Default 0.002. */
  readonly falseAlarmRate?: number
  /** Which detectors decide. Default all but top-k. */
  readonly detectors?: readonly DetectorName[]
  /** K of the top-k detector. Default auto. */
  readonly topK?: TopK
}

/**
 * One false alarm in 500 sessions. A few thousand training sessions cannot tell rarer ones apart: of the 5,000 that HDFS models learn from, a
 * rate of 0.001 rests on five, and the threshold wanders into the surprises of true anomalies.
 */
export const DEFAULT_JUDGE_OPTIONS = {
  falseAlarmRate: 0.002,
  detectors: ['next-key', 'unseen-key', 'session-end'],
  topK: 'auto',
} as const satisfies Required<JudgeOptions>

export type Severity = 'none' | 'low' | 'medium' | 'high'

/** The decision about one event or end. */
export interface Judgement {
  readonly isAnomaly: boolean
  /** -log10 of the smallest p-value, 0 to MAX_SCORE. */
  readonly score: number
  readonly severity: Severity
  /** Detectors whose p-value is within the false-alarm rate. */
  readonly reasons: readonly DetectorName[]
}

export const MAX_SCORE = 12
const NO_REASONS: readonly DetectorName[] = []

/** Turns evidence into decisions at one false-alarm rate. */
export class Judge {
  readonly #detectors: readonly Detector[]
  readonly falseAlarmRate: number
  /** Surprise from which on an event is flagged. */
  readonly threshold: number

  constructor(calibration: Calibration, numKeys: number, options: JudgeOptions = {}) {
    const { falseAlarmRate, detectors, topK } = { ...DEFAULT_JUDGE_OPTIONS, ...options }
    this.falseAlarmRate = falseAlarmRate
    this.threshold = surpriseThreshold(calibration, falseAlarmRate)
    const k = resolveTopK(topK, calibration, numKeys, falseAlarmRate)
    const all = [...surpriseDetectors(calibration), topKDetector(k, falseAlarmRate)]
    this.#detectors = all.filter(({ name }) => (detectors as readonly DetectorName[]).includes(name))
  }

  judge(evidence: Evidence): Judgement {
    let smallest = 1
    let reasons: DetectorName[] | undefined
    for (const detector of this.#detectors) {
      const p = detector.pValue(evidence)
      if (p < smallest) smallest = p
      if (p <= this.falseAlarmRate) (reasons ??= []).push(detector.name)
    }
    const score = Math.min(MAX_SCORE, Math.max(0, -Math.log10(smallest)))
    const isAnomaly = reasons !== undefined
    return { isAnomaly, score, severity: this.severity(isAnomaly, score), reasons: reasons ?? NO_REASONS }
  }

  /** Anomalies grow from low to medium ten times beyond the false-alarm rate, and to high a hundred times beyond. */
  severity(isAnomaly: boolean, score: number): Severity {
    if (!isAnomaly) return 'none'
    const beyond = score + Math.log10(this.falseAlarmRate)
    return beyond >= 2 ? 'high' : beyond >= 1 ? 'medium' : 'low'
  }
}

/** Whether a text names a detector. */
export function isDetectorName(text: string): text is DetectorName {
  return (DETECTOR_NAMES as readonly string[]).includes(text)
}
