import type { Random } from '../../random.js'
import type { Segment } from '../../segments.js'

/** Codes stay below 2^52, so that the sum of two is exact; half of their bits come from one draw. */
const HALF_RANGE = 2 ** 26
const CODE_RANGE = HALF_RANGE ** 2

/**
 * What training sessions did next in a situation, which is told by the token before, or by the set of tokens so far: two views that are coarse
 * enough to be met again, and neither of which minds how concurrent work is interleaved.
 */
export class Continuations {
  readonly #afterToken = new Map<number, Set<number>>()
  readonly #afterSet = new Map<number, Set<number>>()
  readonly #codes: Float64Array

  /** @param random gives each token a code; a set is known by the sum of its codes */
  constructor(segments: Iterable<Segment>, vocabularySize: number, random: Random) {
    this.#codes = Float64Array.from({ length: vocabularySize }, () => {
      return random.integer(HALF_RANGE) * HALF_RANGE + random.integer(HALF_RANGE)
    })
    for (const { inputs, targets } of segments) {
      const sets = this.setCodes(inputs)
      for (let t = 0; t < inputs.length; t++) {
        note(this.#afterToken, inputs[t]!, targets[t]!)
        note(this.#afterSet, sets[t]!, targets[t]!)
      }
    }
  }

  /** The code of the set of inputs up to each position. */
  setCodes(inputs: Int32Array): Float64Array {
    const seen = new Set<number>()
    let sum = 0
    return Float64Array.from(inputs, token => {
      if (!seen.has(token)) sum = (sum + this.#codes[token]!) % CODE_RANGE
      seen.add(token)
      return sum
    })
  }

  /** Whether `next` never came in either view of the situation: right after `last`, or once the set of this code was complete. */
  isNovel(last: number, setCode: number, next: number): boolean {
    return this.#afterToken.get(last)?.has(next) !== true && this.#afterSet.get(setCode)?.has(next) !== true
  }
}

function note(after: Map<number, Set<number>>, situation: number, next: number): void {
  const known = after.get(situation)
  if (known === undefined) after.set(situation, new Set([next]))
  else known.add(next)
}
