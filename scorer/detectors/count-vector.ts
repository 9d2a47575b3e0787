import { type Finding, raise } from '../composition/findings.js'
import { type CompositionStatistics, sizeOf } from '../composition/statistics.js'
import type { Tally } from '../composition/tally.js'

/** How often each key comes, to the next power of two: too often as soon as it does, and at the end too seldom. */
export class CountVector {
  /** By token: in how many sessions its count is of this size at least. */
  readonly #atLeast = new Map<number, readonly number[]>()

  constructor(readonly statistics: CompositionStatistics) {
    for (const token of statistics.tokens()) this.#atLeast.set(token, sumFromEnd(statistics.sizes(token)))
  }

  /** Takes note that a key has come for the `count`th time. @param own 1 where the session is one of those in the statistics, and is judged as if it were not */
  observe(token: number, count: number, finding: Finding, own: 0 | 1): void {
    const atLeast = this.#atLeast.get(token)
    if (atLeast === undefined) return
    const size = sizeOf(count)
    let largest = atLeast.length - 1
    if (largest === size && atLeast[size] === own) while (largest > 0 && atLeast[largest]! <= own) largest--
    // Beyond the largest size the tail is taken to halve with each doubling, the slowest fall that is common.
    const beyond = Math.max(0, size - largest) * Math.LN2
    raise(finding, (atLeast[size] ?? 0) - own, atLeast[0]! - own, 'many', token, undefined, size, beyond)
  }

  conclude(tally: Tally, finding: Finding, own: 0 | 1): void {
    for (const token of tally.compared) {
      const atLeast = this.#atLeast.get(token)
      if (atLeast === undefined || atLeast[0]! <= own) continue
      const size = sizeOf(tally.count(token))
      const more = atLeast[size + 1] ?? 0
      raise(finding, atLeast[0]! - more - own, atLeast[0]! - own, 'few', token, undefined, size)
    }
  }
}

function sumFromEnd(sizes: readonly number[]): number[] {
  const sums = [...sizes]
  for (let i = sums.length - 2; i >= 0; i--) sums[i]! += sums[i + 1]!
  return sums
}
