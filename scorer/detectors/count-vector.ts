import { AtLeast } from '../composition/at-least.js'
import { type Finding, raise } from '../composition/findings.js'
import { type CompositionStatistics, sizeOf } from '../composition/statistics.js'
import type { Tally } from '../composition/tally.js'

/** How often each key comes, to the next power of two: too often as soon as it does, and at the end too seldom. */
export class CountVector {
  /** By token. */
  readonly #atLeast = new Map<number, AtLeast>()

  constructor(readonly statistics: CompositionStatistics) {
    for (const token of statistics.tokens()) this.#atLeast.set(token, new AtLeast(statistics.sizes(token)))
  }

  /** Takes note that a key has come for the `count`th time. @param own 1 where the session is one of those in the statistics, and is judged as if it were not */
  observe(token: number, count: number, finding: Finding, own: 0 | 1): void {
    const atLeast = this.#atLeast.get(token)
    if (atLeast === undefined) return
    const size = sizeOf(count)
    const seen = atLeast.of(size) - own
    raise(finding, seen, atLeast.all - own, 'many', token, undefined, size, atLeast.beyond(count, own))
  }

  conclude(tally: Tally, finding: Finding, own: 0 | 1): void {
    for (const token of tally.compared) {
      const atLeast = this.#atLeast.get(token)
      if (atLeast === undefined || atLeast.all <= own) continue
      const size = sizeOf(tally.count(token))
      const more = atLeast.of(size + 1)
      raise(finding, atLeast.all - more - own, atLeast.all - own, 'few', token, undefined, size)
    }
  }
}
