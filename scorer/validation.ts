import { z } from 'zod'
import { DETECTOR_INDEX, STATISTIC_NAMES, type Statistics, VIEWS } from './detectors/detector.js'

/** Validation sessions kept at most; more make no threshold better. */
const MAX_SESSIONS = 50_000
const DECIMALS = 3

const column = z.array(z.number().nonnegative()).min(1).max(MAX_SESSIONS)

/** What each detector found at most in each validation normal, by its name. */
export const validationSchema = z.strictObject({
  numSessions: z.number().int().positive(),
  statistics: z.object(
    Object.fromEntries(STATISTIC_NAMES.map(name => [name, column])) as Record<
      (typeof STATISTIC_NAMES)[number],
      typeof column
    >,
  ),
})

/** Statistics of sessions held out of training: all that calibration rests on, whatever detectors are used. */
export type Validation = z.infer<typeof validationSchema>

/** At least one session. Where there are more than can be kept, the first ones are: give them shuffled. */
export function makeValidation(sessions: readonly Statistics[]): Validation {
  const kept = sessions.slice(0, MAX_SESSIONS)
  const rounded = (value: number): number => Number(value.toFixed(DECIMALS))
  return {
    numSessions: kept.length,
    statistics: Object.fromEntries(
      STATISTIC_NAMES.map((name, i) => [name, kept.map(statistics => rounded(statistics[i]!))]),
    ) as Validation['statistics'],
  }
}

/** The largest surprise of the order of a session's keys. */
export function sequenceSurprise(statistics: Statistics): number {
  return Math.max(...VIEWS[0].detectors.map(detector => statistics[DETECTOR_INDEX[detector]]!))
}

/** The largest surprise of the order of keys in each validation session. */
export function sequenceSurprises({ numSessions, statistics }: Validation): Float64Array {
  return Float64Array.from({ length: numSessions }, (_, i) =>
    Math.max(...VIEWS[0].detectors.map(detector => statistics[detector][i]!)),
  )
}

/** The smallest K for which at most `falseAlarmRate` of the validation sessions hold a key of rank K or beyond. */
export function topKForRate({ statistics }: Validation, falseAlarmRate: number): number {
  return atRate(statistics['top-k'], falseAlarmRate) + 1
}

/** The rarity that at most `falseAlarmRate` of the validation sessions go beyond. */
export function rarityForRate({ statistics }: Validation, falseAlarmRate: number): number {
  return atRate(statistics.rarity, falseAlarmRate)
}

function atRate(values: readonly number[], rate: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[sorted.length - 1 - Math.floor(rate * sorted.length)]!
}
