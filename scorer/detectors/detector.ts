/** Names of the detectors, as in verdicts and in --detectors. */
export const DETECTOR_NAMES = ['next-key', 'unseen-key', 'session-end', 'top-k'] as const
export type DetectorName = (typeof DETECTOR_NAMES)[number]

/** What the model said of one event, or of a session's end. */
export interface Evidence {
  readonly kind: 'key' | 'end'
  /** Whether the key was there in training; the end always was. */
  readonly isKnown: boolean
  /** -ln probability, of an unknown key by the Good-Turing estimate. */
  readonly surprise: number
  /** Zero-based; the size of the vocabulary for an unknown key. */
  readonly rank: number
}

/** One way to find anomalies. */
export interface Detector {
  readonly name: DetectorName
  /**
   * How often a normal session holds evidence at least this strange, by the calibration on validation normals: the p-value; 1 where the detector
   * has nothing to say.
   */
  pValue(evidence: Evidence): number
}
