import { InvalidArgumentError } from 'commander'
import { DETECTOR_NAMES, type DetectorName } from '../../scorer/detectors/detector.js'
import type { TopK } from '../../scorer/detectors/top-k.js'
import { isDetectorName } from '../../scorer/judge.js'

/** @throws InvalidArgumentError if the text is not an integer */
export const integer = integerFrom(Number.MIN_SAFE_INTEGER)

/** @throws InvalidArgumentError if the text is not an integer >= 1 */
export const positiveInteger = integerFrom(1)

/** Makes a parser of integers that are at least `least`; what it throws is an InvalidArgumentError. */
export function integerFrom(least: number): (text: string) => number {
  const rule = least > Number.MIN_SAFE_INTEGER ? `an integer >= ${least}` : 'an integer'
  return text => {
    const value = Number(text)
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`must be ${rule}.`)
  }
}

/** @throws InvalidArgumentError if the text is not a finite number above 0 */
export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('must be a number above 0.')
  return value
}

const SECONDS_OF_UNIT = { '': 1, s: 1, m: 60, h: 3600 } as const

/** A time such as 90, 90s, 5m or 2h, in seconds. @throws InvalidArgumentError if it is none */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? []
  const seconds = Number(number) * SECONDS_OF_UNIT[(unit ?? '') as keyof typeof SECONDS_OF_UNIT]
  if (!(seconds > 0)) throw new InvalidArgumentError('must be a time above 0, such as 90, 90s, 5m or 2h.')
  return seconds
}

/** @throws InvalidArgumentError if the text is not a number between 0 and 1, both excluded */
export function share(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('must be above 0 and below 1, such as 0.001.')
  return value
}

/** K of the paper's top-K: `auto`, `adaptive`, a count, or a share of the keys. @throws InvalidArgumentError */
export function topK(text: string): TopK {
  if (text === 'auto' || text === 'adaptive') return text
  const value = positive(text)
  return value < 1 ? { ratio: value } : positiveInteger(text)
}

/** Names of detectors, with commas between. @throws InvalidArgumentError if one is unknown */
export function detectorNames(text: string): DetectorName[] {
  const names = text.split(',').map(name => name.trim())
  for (const name of names)
    if (!isDetectorName(name)) throw new InvalidArgumentError(`must be among ${DETECTOR_NAMES.join(', ')}.`)
  return names as DetectorName[]
}
