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

/** Place of each detector in the arrays that hold a value for every one. */
export const DETECTOR_INDEX = Object.fromEntries(DETECTOR_NAMES.map((name, i) => [name, i])) as Readonly<
  Record<DetectorName, number>
>

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

/** The largest value of each detector, in the order of DETECTOR_NAMES: surprise in nats, and for top-k the rank. */
export type Statistics = Float64Array

export function newStatistics(): Statistics {
  return new Float64Array(DETECTOR_NAMES.length)
}
