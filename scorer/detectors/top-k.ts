import { type Calibration, topKForRate } from '../calibrate.js'
import type { Detector } from './detector.js'

/** K as a number, as a share of the vocabulary, or chosen on validation normals for the false-alarm rate. */
export type TopK = number | 'auto' | { readonly ratio: number }

/** The number of likeliest keys that count as normal. The paper takes 40 to 50 % of the keys (IV-A). */
export function resolveTopK(
  topK: TopK,
  calibration: Calibration,
  numKeys: number,
  falseAlarmRate: number,
): number {
  if (topK === 'auto') return topKForRate(calibration, falseAlarmRate)
  return typeof topK === 'number' ? topK : Math.max(1, Math.round(topK.ratio * numKeys))
}

/** The paper's rule: an event is an anomaly unless it is among the K likeliest. It knows no degrees: its p-value is 1 or the rate itself. */
export function topKDetector(k: number, falseAlarmRate: number): Detector {
  return { name: 'top-k', pValue: ({ rank }) => (rank < k ? 1 : falseAlarmRate) }
}
