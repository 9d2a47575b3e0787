import { predictionInterval } from './beta-binomial.js'
import { spread } from './section.js'

/** False-alarm rates that are checked. */
export const RATES = [0.0005, 0.001, 0.005, 0.02]

/** What one training's model flags at one rate. */
export interface RateCheck {
  readonly rate: number
  /** Normal sessions flagged. */
  readonly flagged: number
  /** The 95 % interval of that number which follows from the sizes of both samples. */
  readonly interval: readonly [low: number, high: number]
  readonly recall: number
}

/** @param numCalibrated sessions that the threshold was set on */
export function rateCheck(
  rate: number,
  { falsePositives, recall, normal }: { falsePositives: number; recall: number; normal: number },
  numCalibrated: number,
): RateCheck {
  return {
    rate,
    flagged: falsePositives,
    interval: predictionInterval(rate, numCalibrated, normal),
    recall,
  }
}

export const RATE_COLUMNS = ['rate', 'flagged', 'interval', 'within', 'recall']

/** A row for each rate, by those columns. @param trainings the checks of each, in the order of RATES */
export function rateRows(trainings: readonly (readonly RateCheck[])[]): string[][] {
  return RATES.map((rate, i) => {
    const checks = trainings.map(byRate => byRate[i]!)
    const [low, high] = checks[0]!.interval
    const within = checks.filter(({ flagged, interval }) => flagged >= interval[0] && flagged <= interval[1])
    return [
      String(rate),
      checks.map(({ flagged }) => flagged).join(', '),
      `${low} to ${high}`,
      `${within.length} of ${checks.length}`,
      spread(checks.map(({ recall }) => recall)).mean.toFixed(4),
    ]
  })
}
