import { z } from 'zod'
import { type Oddness, surpriseOf } from './surprise.js'

const count = z.number().int().nonnegative()
const side = z.strictObject({
  /** Sessions by the bin of their extreme value, the most extreme first. */
  bins: z.array(z.tuple([z.number().int(), count])),
  /** Sessions beyond all before them to expect among as many. */
  novel: count,
})

export const rangeSchema = z.strictObject({
  /** Sessions that have the place. */
  of: count,
  /** By the largest value of each session; missing where large values mean nothing. */
  high: side.optional(),
  /** By the smallest; missing where small values mean nothing. */
  low: side.optional(),
})

export type RangeTable = z.infer<typeof rangeSchema>
export type RangeSide = z.infer<typeof side>

/** Width of a bin on the log scale: values within 10 % are alike. */
const GRID = 0.1
/** Values are told apart from here on. */
const FINEST = 1e-3

/** The bin of a value: logarithmic, the same for both signs. */
export function binOf(value: number): number {
  return Math.sign(value) * Math.round(Math.log1p(Math.abs(value) / FINEST) / GRID)
}

/**
 * Values of a place that are numbers. What counts is in how many sessions the largest is as large, or the smallest as small. Beyond all of them the
 * tail is taken to fall like 1 / distance on a log scale, in units of how far the extreme lies from the middle: the slowest fall that is common.
 */
export class Range {
  /** Bins between these surprise nobody. */
  readonly #lowest: number
  readonly #highest: number

  /** @param least surprise up to which a value is usual */
  constructor(
    readonly table: RangeTable,
    readonly least = 0,
  ) {
    this.#highest =
      table.high === undefined
        ? Number.POSITIVE_INFINITY
        : (usualUpTo(table.high, table.of, least) ?? Number.NEGATIVE_INFINITY)
    this.#lowest =
      table.low === undefined
        ? Number.NEGATIVE_INFINITY
        : (usualUpTo(table.low, table.of, least) ?? Number.POSITIVE_INFINITY)
  }

  /** Whether no value of it can surprise. */
  get isSilent(): boolean {
    return [this.table.high, this.table.low].every(
      side => side === undefined || surpriseOf(side.novel, this.table.of) <= this.least,
    )
  }

  /** Whether a value is known to be no surprise: the short cut for nearly all. */
  isUsual(bin: number): boolean {
    return bin <= this.#highest && bin >= this.#lowest
  }

  /** How surprisingly large a value of a bin is. @param own 1 where the session is one of those counted, and is judged as if it were not */
  high(bin: number, own: 0 | 1): Oddness {
    return this.#oddness(this.table.high, bin, 1, own)
  }

  /** How surprisingly small it is. */
  low(bin: number, own: 0 | 1): Oddness {
    return this.#oddness(this.table.low, bin, -1, own)
  }

  #oddness(side: RangeSide | undefined, bin: number, sign: 1 | -1, own: 0 | 1): Oddness {
    const of = this.table.of - own
    if (side === undefined || of <= 0) return { surprise: 0, seen: 0, of: 0 }
    let beyond = -own
    let extreme: number | undefined
    for (const [at, sessions] of side.bins) {
      if (sign * (at - bin) >= 0) beyond += sessions
      // The session's own extreme is no measure for itself.
      if (extreme === undefined && (sessions > own || at !== bin)) extreme = at
      if (sign * (at - bin) < 0) break
    }
    const seen = Math.min(of, Math.max(beyond, side.novel - own, 0))
    const distance = extreme === undefined ? 0 : sign * (bin - extreme)
    const extra = distance <= 0 ? 0 : Math.log1p(distance / this.#spread(side, extreme!))
    return { surprise: surpriseOf(seen, of) + (seen === 0 ? extra : 0), seen, of }
  }

  /** Bins from the median to the extreme, at least one. */
  #spread({ bins }: RangeSide, extreme: number): number {
    let sessions = 0
    for (const [at, number] of bins) {
      sessions += number
      if (2 * sessions >= this.table.of) return Math.max(1, Math.abs(extreme - at))
    }
    return 1
  }
}

/** The bin up to which, from the middle, values surprise nobody; undefined where all surprise. */
function usualUpTo(side: RangeSide, of: number, least: number): number | undefined {
  let seen = 0
  for (const [at, sessions] of side.bins) {
    seen += sessions
    if (surpriseOf(Math.max(seen, side.novel), of) <= least) return at
  }
  return undefined
}
