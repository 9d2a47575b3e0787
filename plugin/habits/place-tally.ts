import type { CategoryTable } from './category.js'
import { binOf, type RangeSide, type RangeTable } from './range.js'

/** Different texts told apart at a place; more are identifiers, or free text. */
const MAX_TEXTS = 1_000
/** Numbers with more different values than this are a quantity, fewer are codes. */
const MAX_CODES = 16

/** What a place's values are: kinds told apart by text, quantities, or nothing that could be learnt. */
export type PlaceKind = 'category' | 'range' | 'silent'

/** What came at a place during training, as numbers that stand for its values ("features"). */
export class PlaceTally {
  /** Texts and bins by feature; a quantity's further values are kept as bins alone. */
  readonly texts: (string | undefined)[] = []
  readonly bins: (number | undefined)[] = []
  readonly #byText = new Map<string, number>()
  readonly #byBin = new Map<number, number>()
  #isNumeric = true
  #isFull = false

  /** The feature of a value, -1 where it says nothing. */
  ofText(text: string, number: number): number {
    if (Number.isNaN(number)) this.#isNumeric = false
    if (this.#isFull) return this.#isNumeric ? this.ofNumber(number) : -1
    let feature = this.#byText.get(text)
    if (feature === undefined) {
      feature = this.#add(text, Number.isNaN(number) ? undefined : binOf(number))
      // A copy of its own: a text cut out of its line would keep the whole line in memory.
      this.#byText.set(Buffer.from(text).toString(), feature)
      this.#isFull = this.#byText.size >= MAX_TEXTS
    }
    return feature
  }

  /** The feature of a number where its text means nothing. */
  ofNumber(number: number): number {
    const bin = binOf(number)
    let feature = this.#byBin.get(bin)
    if (feature === undefined) {
      feature = this.#add(undefined, bin)
      this.#byBin.set(bin, feature)
    }
    return feature
  }

  get kind(): PlaceKind {
    if (this.#isNumeric && (this.#byText.size > MAX_CODES || this.#byBin.size > 0)) return 'range'
    return this.#isFull ? 'silent' : 'category'
  }

  #add(text: string | undefined, bin: number | undefined): number {
    this.texts.push(text === undefined ? undefined : Buffer.from(text).toString())
    return this.bins.push(bin) - 1
  }
}

/**
 * Counts sessions by their values, session by session in the order in which they began. New values are expected as often as values that only one
 * session holds (Good, 1953), and at least as often as they came in the later half of training: not all logs stay the same.
 */
export class CategoryCounter {
  readonly #sessions = new Map<string, number>()
  #numLate = 0
  #numDone = 0

  /** @param of sessions that have the place */
  constructor(readonly of: number) {}

  /** @param texts what one session holds, each once */
  add(texts: Iterable<string>): void {
    const isLate = 2 * this.#numDone++ >= this.of
    let isNew = false
    for (const text of texts) {
      const sessions = this.#sessions.get(text) ?? 0
      if (sessions === 0) isNew = true
      this.#sessions.set(text, sessions + 1)
    }
    if (isLate && isNew) this.#numLate++
  }

  toTable(): CategoryTable {
    const values = [...this.#sessions].filter(([, sessions]) => sessions > 1).sort((a, b) => b[1] - a[1])
    const single = this.#sessions.size - values.length
    return {
      of: this.of,
      novel: Math.min(this.of, Math.max(single, 2 * Math.max(0, this.#numLate - 1))),
      values,
    }
  }
}

/** As CategoryCounter, for the largest and smallest values of sessions. */
export class RangeCounter {
  readonly #high = new Extremes(1)
  readonly #low = new Extremes(-1)
  #numDone = 0

  constructor(
    readonly of: number,
    readonly hasLow: boolean,
  ) {}

  add(lowest: number, highest: number): void {
    const isLate = 2 * this.#numDone++ >= this.of
    this.#high.add(highest, isLate)
    this.#low.add(lowest, isLate)
  }

  toTable(): RangeTable {
    return { of: this.of, high: this.#high.toSide(), ...(this.hasLow && { low: this.#low.toSide() }) }
  }
}

class Extremes {
  readonly #sessions = new Map<number, number>()
  #extreme = Number.NEGATIVE_INFINITY
  #numLate = 0

  constructor(readonly sign: 1 | -1) {}

  add(bin: number, isLate: boolean): void {
    this.#sessions.set(bin, (this.#sessions.get(bin) ?? 0) + 1)
    if (this.sign * bin <= this.#extreme) return
    this.#extreme = this.sign * bin
    if (isLate) this.#numLate++
  }

  /** One record in the later half is usual wherever values come by chance: only what goes beyond shows a trend. */
  toSide(): RangeSide {
    const bins = [...this.#sessions].sort(([a], [b]) => this.sign * (b - a))
    return { bins, novel: 2 * Math.max(0, this.#numLate - 1) }
  }
}
