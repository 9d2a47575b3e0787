import { sizeOf } from './statistics.js'

/** How many sessions have a count of some size at least. */
export class AtLeast {
  /** By size: sessions whose count is as large or larger. */
  readonly #sums: readonly number[]

  /** @param sizes sessions by the size of their count */
  constructor(sizes: readonly number[]) {
    const sums = [...sizes]
    for (let i = sums.length - 2; i >= 0; i--) sums[i]! += sums[i + 1]!
    this.#sums = sums
  }

  /** Sessions that have any. */
  get all(): number {
    return this.#sums[0] ?? 0
  }

  /** Sessions with counts of this size or larger. */
  of(size: number): number {
    return this.#sums[size] ?? 0
  }

  /**
   * What a count adds to its surprise in nats where it is larger than any seen: there the tail is taken to halve with each doubling, the slowest
   * fall that is common. @param own 1 where the session judged is one of those counted
   */
  beyond(count: number, own: 0 | 1): number {
    const size = sizeOf(count)
    const sums = this.#sums
    let largest = Math.max(0, sums.length - 1)
    if (largest === size && sums[size] === own) while (largest > 0 && sums[largest]! <= own) largest--
    return Math.max(0, size - largest) * Math.LN2
  }
}
