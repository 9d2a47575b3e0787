/** Names of the detectors, as in verdicts and in --detectors. */
export const DETECTOR_NAMES = [
  'next-key',
  'unseen-key',
  'session-end',
  'key-set',
  'count-order',
  'count-vector',
  'parameter',
  'time-gap',
  'top-k',
] as const
export type DetectorName = (typeof DETECTOR_NAMES)[number]

/**
 * Values noted of each event: one for each detector, and beside the rank what top-k goes by where K adapts, the rarity: -ln of the probability of
 * the event and all that is no likelier.
 */
export const STATISTIC_NAMES = [...DETECTOR_NAMES, 'rarity'] as const
export type StatisticName = (typeof STATISTIC_NAMES)[number]

/** Place of each in the arrays that hold all of them. */
export const DETECTOR_INDEX = Object.fromEntries(STATISTIC_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<StatisticName, number>
>

/** Rarity of what no model could foresee. */
export const UNSEEN_RARITY = 99

/**
 * Ways to look at a session that are blind to each other's findings. Detectors of one view look at the same thing, so the strongest speaks for
 * it; what views find adds up. `isNetwork`: its surprise is what a network believes, not what was counted.
 */
export const VIEWS = [
  { name: 'sequence', isNetwork: true, detectors: ['next-key', 'unseen-key', 'session-end'] },
  { name: 'composition', isNetwork: false, detectors: ['key-set', 'count-order', 'count-vector'] },
  { name: 'content', isNetwork: false, detectors: ['parameter'] },
  { name: 'timing', isNetwork: false, detectors: ['time-gap'] },
] as const satisfies readonly {
  readonly name: string
  readonly isNetwork: boolean
  readonly detectors: readonly DetectorName[]
}[]

/** The largest of each value, in the order of STATISTIC_NAMES: in nats, and for top-k the rank. */
export type Statistics = Float64Array

export function newStatistics(): Statistics {
  return new Float64Array(STATISTIC_NAMES.length)
}
