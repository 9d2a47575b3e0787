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
        const seen = statistics.compared(a, b, sign) - own
        raise(finding, seen, of, 'order', a, b, sign, sign === 0 ? this.#relief(a, b, seen) : 0)
      }
    }
  }

  /** What as many counts less, in nats: it lies between fewer and more, so it is no odder than the rarer of both. */
  #relief(a: number, b: number, seen: number): number {
    const { statistics } = this
    const around = Math.min(statistics.compared(a, b, -1), statistics.compared(a, b, 1))
    return Math.min(0, Math.log((seen + 0.5) / (around + 0.5)))
  }
}
