import { sequenceSurprises, type Validation } from '../../scorer/validation.js'

/** Share of the validation sessions that the tail is fitted to, and how many it takes at the least. */
const TAIL_SHARE = 0.03
const MIN_TAIL = 20
/** The tail begins at a multiple of this, in nats. */
const GRID = 0.1
/** A tail thinner than the model's own probabilities would claim more than the model knows. */
const MIN_SCALE = 1

/**
 * The largest surprise that a share `rate` of normal sessions reach, if beyond the strangest 3 % of the validation sessions surprise thins out
 * exponentially: a threshold for the language model by itself, steady from seed to seed, where counting the last few sessions is not. Rates up
 * to 0.03.
 */
export function surpriseThreshold(validation: Validation, rate: number): number {
  const sorted = sequenceSurprises(validation).sort()
  const count = sorted.length
  const numTail = Math.min(Math.floor(count / 2), Math.max(MIN_TAIL, Math.ceil(count * TAIL_SHARE)))
  const start = Math.ceil(sorted[count - 1 - numTail]! / GRID) * GRID
  const beyond = sorted.filter(surprise => surprise >= start)
  const excess = beyond.reduce((sum, surprise) => sum + surprise - start, 0) / Math.max(1, beyond.length)
  const share = (beyond.length + 1) / (count + 1)
  return Math.max(-Math.log(rate), start + Math.max(MIN_SCALE, excess) * Math.log(share / rate))
}
