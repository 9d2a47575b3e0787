import { z } from 'zod'
import { type TokenSequence, withEdges } from './segments.js'
import { BEGIN, PAD } from './vocabulary.js'

const count = z.number().int().nonnegative()

/** Tokens that counts look back at. */
const ORDER = 3
/** Numbers in a row as stored. */
const ROW = ORDER + 2
/** Continuations after which no further sessions are counted; so many take some 100 MB. */
const MAX_CONTINUATIONS = 1_000_000
/** The context of no tokens. */
const EMPTY = 0

/** Counts as stored, in rows: the tokens before, PAD in front of fewer than three, the token that followed, and how often it did. */
export const transitionsSchema = z.array(count)

/**
 * How often each token followed the three before it in training, begin and end of sessions included: a language model of counts, for the network
 * to be mixed with (detectors/next-key.ts).
 */
export class Transitions {
  /** By context V + token: the context that looks back at that token too. */
  readonly #longer = new Map<number, number>()
  /** By context: the one that looks back one token less, and the token that this leaves out. */
  readonly #shorter = [EMPTY]
  readonly #oldest = [PAD]
  /** By context: how many tokens followed it, and how many different ones. */
  readonly #followers = [0]
  readonly #kinds = [0]
  /** By context V + token: how often it followed. */
  readonly #counts = new Map<number, number>()

  /** @param vocabularySize V, specials included */
  constructor(readonly vocabularySize: number) {}

  static of(sequences: Iterable<TokenSequence>, vocabularySize: number): Transitions {
    const transitions = new Transitions(vocabularySize)
    for (const sequence of sequences) {
      if (transitions.#counts.size >= MAX_CONTINUATIONS) break
      transitions.#learn(sequence, 1)
    }
    return transitions
  }

  /** The longest known context that ends before place `end` of a session's tokens, BEGIN among them. */
  contextOf(tokens: ArrayLike<number>, end = tokens.length): number {
    let context = EMPTY
    for (let i = end - 1; i >= 0 && i >= end - ORDER; i--) {
      const longer = this.#longer.get(context * this.vocabularySize + tokens[i]!)
      if (longer === undefined) break
      context = longer
    }
    return context
  }

  /**
   * How likely `token` follows, by counts: as often as it did after the context, mixed with what follows the context that is shorter by one token,
   * which weighs the more the more different tokens followed (Witten and Bell, 1991).
   */
  probability(token: number, context: number): number {
    const shorter =
      context === EMPTY ? 1 / this.vocabularySize : this.probability(token, this.#shorter[context]!)
    const followers = this.#followers[context]!
    if (followers <= 0) return shorter
    const kinds = this.#kinds[context]!
    return (this.#seen(token, context) + kinds * shorter) / (followers + kinds)
  }

  /** Surprises in nats of all targets of a session that is among the counts, by those of the others alone. */
  surprisesWithout(sequence: TokenSequence): Float32Array {
    const all = withEdges(sequence)
    this.#learn(sequence, -1)
    const surprises = Float32Array.from(
      { length: all.length - 1 },
      (_, i) => -Math.log(this.probability(all[i + 1]!, this.contextOf(all, i + 1))),
    )
    this.#learn(sequence, 1)
    return surprises
  }

  toTable(): number[] {
    return [...this.#counts].flatMap(([key, seen]) => {
      const token = key % this.vocabularySize
      const context = this.#tokensOf(Math.floor(key / this.vocabularySize))
      // Shorter contexts are sums of longer ones.
      const isLongest = context.length === ORDER || context[0] === BEGIN
      return isLongest && seen > 0
        ? [...new Array<number>(ORDER - context.length).fill(PAD), ...context, token, seen]
        : []
    })
  }

  /** Whether numbers are such a table, of tokens below V. */
  static isTable(table: readonly number[], vocabularySize: number): boolean {
    return (
      table.length % ROW === 0 && table.every((value, i) => i % ROW === ROW - 1 || value < vocabularySize)
    )
  }

  /** @param table from toTable */
  static fromTable(table: readonly number[], vocabularySize: number): Transitions {
    const transitions = new Transitions(vocabularySize)
    for (let at = 0; at + ROW <= table.length; at += ROW) {
      const row = table.slice(at, at + ROW - 1)
      const tokens = row.slice(row.findIndex(token => token !== PAD))
      transitions.#add(tokens, tokens.length - 1, table[at + ROW - 1]!)
    }
    return transitions
  }

  #seen(token: number, context: number): number {
    return Math.max(0, this.#counts.get(context * this.vocabularySize + token) ?? 0)
  }

  #learn(sequence: TokenSequence, times: number): void {
    const all = withEdges(sequence)
    for (let i = 1; i < all.length; i++) this.#add(all, i, times)
  }

  /** Counts the token at `place` after all contexts that end before it. */
  #add(tokens: ArrayLike<number>, place: number, times: number): void {
    const token = tokens[place]!
    let context = EMPTY
    this.#count(token, context, times)
    for (let i = place - 1; i >= 0 && i >= place - ORDER; i--) {
      context = this.#lengthen(context, tokens[i]!)
      this.#count(token, context, times)
    }
  }

  #count(token: number, context: number, times: number): void {
    const key = context * this.vocabularySize + token
    const before = this.#counts.get(key) ?? 0
    const after = before + times
    this.#counts.set(key, after)
    this.#followers[context]! += times
    this.#kinds[context]! += Number(after > 0) - Number(before > 0)
  }

  #lengthen(context: number, token: number): number {
    const key = context * this.vocabularySize + token
    const known = this.#longer.get(key)
    if (known !== undefined) return known
    const longer = this.#shorter.push(context) - 1
    this.#oldest.push(token)
    this.#followers.push(0)
    this.#kinds.push(0)
    this.#longer.set(key, longer)
    return longer
  }

  #tokensOf(context: number): number[] {
    const tokens: number[] = []
    for (let rest = context; rest !== EMPTY; rest = this.#shorter[rest]!) tokens.push(this.#oldest[rest]!)
    return tokens
  }
}
