import { type Calibration, pValue } from '../calibrate.js'
import type { Detector, DetectorName, Evidence } from './detector.js'

/**
 * Detectors that read the surprise of an event: of a key the model knows, of one it never saw, of the session's end. All three are calibrated
 * on the same statistic, the largest surprise of a validation session, so together they keep to one false-alarm rate.
 */
export function surpriseDetectors(calibration: Calibration): Detector[] {
  const detector = (name: DetectorName, isConcerned: (evidence: Evidence) => boolean): Detector => ({
    name,
    pValue: evidence => (isConcerned(evidence) ? pValue(calibration, evidence.surprise) : 1),
  })
  return [
    detector('next-key', ({ kind, isKnown }) => kind === 'key' && isKnown),
    detector('unseen-key', ({ kind, isKnown }) => kind === 'key' && !isKnown),
    detector('session-end', ({ kind }) => kind === 'end'),
  ]
}
