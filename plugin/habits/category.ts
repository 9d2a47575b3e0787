import { z } from 'zod'
import { type Oddness, surpriseOf } from './surprise.js'

const count = z.number().int().nonnegative()

export const categorySchema = z.strictObject({
  /** Sessions that have the place. */
  of: count,
  /** Sessions of new values to expect among as many. */
  novel: count,
  /** Values that at least two sessions hold, and how many do, the most common first. */
  values: z.array(z.tuple([z.string(), count])),
})

export type CategoryTable = z.infer<typeof categorySchema>

/**
 * Values of a place that are told apart by their text. What counts is how many sessions hold a value as rare as this one or rarer, so that one of
 * fifty values that are all usual is no surprise. New values come as often as they did in training (`novel`): where nearly every value is new, as
 * with identifiers, a new one says nothing.
 */
export class Category {
  readonly #sessions: ReadonlyMap<string, number>
  /** Counts that occur, ascending, and the sessions whose values are that rare at most. */
  readonly #counts: number[] = []
  readonly #rare: number[] = []
  /** Values that so many sessions hold surprise nobody. */
  readonly #usualFrom: number
  /** The most common of them: comparing is faster than looking up. */
  readonly #mostUsual: string | undefined

  /** @param least surprise up to which a value is usual */
  constructor(
    readonly table: CategoryTable,
    readonly least = 0,
  ) {
    this.#sessions = new Map(table.values)
    let rare = table.novel
    for (const [, sessions] of table.values.toReversed()) {
      rare += sessions
      if (this.#counts.at(-1) !== sessions) this.#counts.push(sessions)
      this.#rare[this.#counts.length - 1] = rare
    }
    const usual = this.#rare.findIndex(seen => surpriseOf(seen, table.of) <= least)
    this.#usualFrom = this.#counts[usual] ?? Number.POSITIVE_INFINITY
    const [first] = table.values
    this.#mostUsual = first !== undefined && first[1] >= this.#usualFrom ? first[0] : undefined
  }

  /** The most common value. */
  get usual(): string | undefined {
    return this.table.values[0]?.[0]
  }

  /** Whether no value of it can surprise. */
  get isSilent(): boolean {
    return surpriseOf(this.table.novel, this.table.of) <= this.least
  }

  /** Whether a value is known to be no surprise: the short cut for nearly all. */
  isUsual(text: string): boolean {
    return text === this.#mostUsual || this.#sessions.get(text)! >= this.#usualFrom
  }

  /** @param own 1 where the value's session is one of those counted, and is judged as if it were not */
  oddness(text: string, own: 0 | 1): Oddness {
    const { of, novel } = this.table
    const sessions = (this.#sessions.get(text) ?? own) - own
    const seen = sessions === 0 ? novel - own : Math.min(of - own, this.#asRare(sessions) + own * sessions)
    return { surprise: surpriseOf(seen, of - own), seen: Math.max(0, seen), of: of - own }
  }

  /** Sessions whose values at most `sessions` hold. */
  #asRare(sessions: number): number {
    let rare = this.table.novel
    for (let i = 0; i < this.#counts.length && this.#counts[i]! <= sessions; i++) rare = this.#rare[i]!
    return rare
  }
}
