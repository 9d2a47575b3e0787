import { z } from 'zod'
import { UNKNOWN } from '../vocabulary.js'
import type { Tally } from './tally.js'

const count = z.number().int().nonnegative()
/** Sizes that counts can have (see sizeOf). */
const MAX_SIZES = 32

/** Statistics as stored: plain numbers. */
export const compositionSchema = z.strictObject({
  numSessions: count,
  /** By token id: sessions in which the token came 1 time, 2 or 3 times, 4 to 7, 8 to 15 ... */
  counts: z.array(z.array(count)),
  /** Sessions by how many of their lines are of kinds that no other session holds: 1, 2 or 3, 4 to 7 ... */
  unique: z.array(count).max(MAX_SIZES),
  /** In fives: tokens a < b; sessions that hold both, with fewer a than b, as many, more. */
  pairs: z.array(count),
})

export type CompositionTable = z.infer<typeof compositionSchema>

/** Pairs kept at most, some 100 MB; further ones are not noted. */
const MAX_PAIRS = 1_000_000

/** What normal sessions are made of: which keys, how many of each, and how the numbers of two keys compare. */
export class CompositionStatistics {
  #numSessions = 0
  /** By token: sessions by size of its count. */
  readonly #counts = new Map<number, number[]>()
  readonly #presence = new Map<number, number>()
  /** Sessions with lines that are unique to them, by how many. */
  readonly #unique: number[] = []
  /** By a V + b with a < b: sessions with fewer a than b, as many, more. */
  readonly #pairs = new Map<number, Int32Array>()

  /** Of no sessions. @param vocabularySize V, specials included */
  private constructor(readonly vocabularySize: number) {}

  /** @param sessions that are whole: nothing was cut off before their beginning or after their end */
  static of(sessions: readonly Tally[], vocabularySize: number): CompositionStatistics {
    const statistics = new CompositionStatistics(vocabularySize)
    for (const tally of sessions) statistics.#add(tally)
    for (const tally of sessions) statistics.#addUnique(tally)
    return statistics
  }

  #add(tally: Tally): void {
    this.#numSessions++
    for (const [token, count] of tally.entries()) {
      if (token === UNKNOWN) continue
      this.#presence.set(token, this.sessionsWith(token) + 1)
      const sizes = this.#counts.get(token) ?? []
      this.#counts.set(token, sizes)
      countIn(sizes, count)
    }
    const compared = tally.compared.filter(token => token !== UNKNOWN).sort((a, b) => a - b)
    compared.forEach((a, i) => {
      for (const b of compared.slice(i + 1)) this.#compare(a, b, Math.sign(tally.count(a) - tally.count(b)))
    })
  }

  /** Notes how many lines of a session are of kinds that no other holds: known once all have been added. */
  #addUnique(tally: Tally): void {
    let numLines = 0
    for (const [token, count] of tally.entries()) if (this.sessionsWith(token) === 1) numLines += count
    if (numLines > 0) countIn(this.#unique, numLines)
  }

  get numSessions(): number {
    return this.#numSessions
  }

  /** Tokens seen. */
  tokens(): Iterable<number> {
    return this.#presence.keys()
  }

  /** Sessions that hold the token. */
  sessionsWith(token: number): number {
    return this.#presence.get(token) ?? 0
  }

  /** Sessions that hold the token, by the size of its count (see sizeOf). */
  sizes(token: number): readonly number[] {
    return this.#counts.get(token) ?? []
  }

  /** Sessions with lines of kinds that no other session holds, by the size of their number. */
  get unique(): readonly number[] {
    return this.#unique
  }

  /** Sessions that hold both tokens. */
  together(a: number, b: number): number {
    const pair = this.#pair(a, b)
    return pair === undefined ? 0 : pair[0]! + pair[1]! + pair[2]!
  }

  /** Sessions that hold both tokens and compare in the given way: `sign` is that of the number of a less the number of b. */
  compared(a: number, b: number, sign: number): number {
    return this.#pair(a, b)?.[(a < b ? sign : -sign) + 1] ?? 0
  }

  /** Every pair of tokens that some session holds, with how many do. */
  *pairs(): Generator<readonly [a: number, b: number, together: number]> {
    for (const [key, [less, equal, more]] of this.#pairs) {
      yield [Math.floor(key / this.vocabularySize), key % this.vocabularySize, less! + equal! + more!]
    }
  }

  toTable(): CompositionTable {
    return {
      numSessions: this.#numSessions,
      counts: Array.from({ length: this.vocabularySize }, (_, token) => [...this.sizes(token)]),
      unique: [...this.#unique],
      pairs: [...this.#pairs].flatMap(([key, signs]) => [
        Math.floor(key / this.vocabularySize),
        key % this.vocabularySize,
        ...signs,
      ]),
    }
  }

  static fromTable({ numSessions, counts, unique, pairs }: CompositionTable): CompositionStatistics {
    const statistics = new CompositionStatistics(counts.length)
    statistics.#numSessions = numSessions
    statistics.#unique.push(...unique)
    counts.forEach((sizes, token) => {
      if (sizes.length === 0) return
      statistics.#counts.set(token, [...sizes])
      statistics.#presence.set(
        token,
        sizes.reduce((sum, sessions) => sum + sessions, 0),
      )
    })
    for (let i = 0; i + 4 < pairs.length; i += 5) {
      statistics.#pairs.set(
        pairs[i]! * counts.length + pairs[i + 1]!,
        Int32Array.from(pairs.slice(i + 2, i + 5)),
      )
    }
    return statistics
  }

  #compare(a: number, b: number, sign: number): void {
    const key = a * this.vocabularySize + b
    let pair = this.#pairs.get(key)
    if (pair === undefined) {
      if (this.#pairs.size >= MAX_PAIRS) return
      pair = new Int32Array(3)
      this.#pairs.set(key, pair)
    }
    pair[sign + 1]!++
  }

  #pair(a: number, b: number): Int32Array | undefined {
    return this.#pairs.get(a < b ? a * this.vocabularySize + b : b * this.vocabularySize + a)
  }
}

function countIn(sizes: number[], count: number): void {
  const size = sizeOf(count)
  while (sizes.length <= size) sizes.push(0)
  sizes[size]!++
}

/** The size of a count: 0 for 1, 1 for 2 and 3, 2 for 4 to 7, its binary logarithm rounded down. */
export function sizeOf(count: number): number {
  return 31 - Math.clz32(count)
}
