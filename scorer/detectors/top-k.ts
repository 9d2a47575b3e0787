import { rarityForRate, topKForRate, type Validation } from '../validation.js'
import type { StatisticName } from './detector.js'

/**
 * K as a number, as a share of the vocabulary, or chosen on validation normals for the false-alarm rate. `adaptive`: K differs from event to event,
 * the smallest whose keys together reach a probability that is chosen so; it grows with the entropy of what is expected (adaptive prediction
 * sets: Romano et al., 2020).
 */
export type TopK = number | 'auto' | 'adaptive' | { readonly ratio: number }

/** What lies outside the K likeliest: events whose value of this name is larger. */
export interface TopKLimit {
  readonly statistic: StatisticName
  readonly largest: number
}

/** @param numKeys in the vocabulary */
export function topKLimit(
  topK: TopK,
  validation: Validation,
  numKeys: number,
  falseAlarmRate: number,
): TopKLimit {
  return topK === 'adaptive'
    ? { statistic: 'rarity', largest: rarityForRate(validation, falseAlarmRate) }
    : { statistic: 'top-k', largest: resolveTopK(topK, validation, numKeys, falseAlarmRate) - 1 }
}

/** The number of likeliest keys that count as normal by the paper's rule, which takes 40 to 50 % of the keys (IV-A). */
export function resolveTopK(
  topK: Exclude<TopK, 'adaptive'>,
  validation: Validation,
  numKeys: number,
  falseAlarmRate: number,
): number {
  if (topK === 'auto') return topKForRate(validation, falseAlarmRate)
  return typeof topK === 'number' ? topK : Math.max(1, Math.round(topK.ratio * numKeys))
}
