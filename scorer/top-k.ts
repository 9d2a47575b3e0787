import { topKForRate, type Validation } from './validation.js'

/** K as a number, as a share of the vocabulary, or chosen on validation normals for the false-alarm rate. */
export type TopK = number | 'auto' | { readonly ratio: number }

/** The number of likeliest keys that count as normal by the paper's rule, which takes 40 to 50 % of the keys (IV-A). */
export function resolveTopK(
  topK: TopK,
  validation: Validation,
  numKeys: number,
  falseAlarmRate: number,
): number {
  if (topK === 'auto') return topKForRate(validation, falseAlarmRate)
  return typeof topK === 'number' ? topK : Math.max(1, Math.round(topK.ratio * numKeys))
}
