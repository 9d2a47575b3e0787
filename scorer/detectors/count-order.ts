import { type Finding, raise } from '../composition/findings.js'
import type { CompositionStatistics } from '../composition/statistics.js'
import type { Tally } from '../composition/tally.js'

/** How the numbers of two keys compare, for instance that every `open` has its `close`. Only the end settles it. */
export class CountOrder {
  constructor(readonly statistics: CompositionStatistics) {}

  /** @param own 1 where the session is one of those in the statistics, and is judged as if it were not */
  conclude(tally: Tally, finding: Finding, own: 0 | 1): void {
    const { statistics } = this
    const tokens = tally.compared
    for (let i = 0; i < tokens.length; i++) {
      const a = tokens[i]!
      for (let j = i + 1; j < tokens.length; j++) {
        const b = tokens[j]!
        const of = statistics.together(a, b) - own
        if (of <= 0) continue
        const sign = Math.sign(tally.count(a) - tally.count(b))
        raise(finding, this.#seen(a, b, sign, own), of, 'order', a, b, sign)
      }
    }
  }

  /** Sessions that compare in the same way. As many lies between fewer and more, so it is no rarer than the rarer of both. */
  #seen(a: number, b: number, sign: number, own: 0 | 1): number {
    const seen = this.statistics.compared(a, b, sign) - own
    if (sign !== 0) return seen
    return Math.max(seen, Math.min(this.statistics.compared(a, b, -1), this.statistics.compared(a, b, 1)))
  }
}
