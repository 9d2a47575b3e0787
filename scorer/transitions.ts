import { z } from 'zod'
import type { LikelyToken } from './likeliest.js'
import type { TokenSequence } from './segments.js'
import type { SequenceScores } from './sequence-scorer.js'
import { BEGIN, END } from './vocabulary.js'

const count = z.number().int().nonnegative()

/** Counts as stored, in threes: a token, one that followed it, and how often it did. */
export const transitionsSchema = z.array(count)

/** What counts say weighs so much beside the network. */
const SHARE = 0.05
/** Pairs kept at most, some 50 MB; further ones are not noted. */
const MAX_PAIRS = 1_000_000

/**
 * How often each token followed another in training, begin and end of sessions included: a language model that looks back one token, mixed
 * with the network (Jelinek and Mercer, 1980).
 *
 * In a context that training hardly had, a network is as sure of itself as anywhere, and calls a continuation that is common elsewhere one in
 * 100,000. Counts are never so far off, so mixed in they bound what it may claim: a token that follows the one before it in p of all
 * cases is at most -ln(SHARE p) nats of a surprise. What never followed stays as surprising as it was.
 */
export class Transitions {
  /** By previous V + token. */
  readonly #pairs = new Map<number, number>()
  /** By token: how many followed it, and how many different ones. */
  readonly #followers: Float64Array
  readonly #kinds: Float64Array
  /** By token: how often it came. */
  readonly #counts: Float64Array
  #numEvents = 0
  #numKinds = 0

  /** @param vocabularySize V, specials included */
  constructor(readonly vocabularySize: number) {
    this.#followers = new Float64Array(vocabularySize)
    this.#kinds = new Float64Array(vocabularySize)
    this.#counts = new Float64Array(vocabularySize)
  }

  static of(sequences: Iterable<TokenSequence>, vocabularySize: number): Transitions {
    const transitions = new Transitions(vocabularySize)
    for (const { tokens, ended } of sequences) {
      let previous = BEGIN
      for (const token of tokens) {
        transitions.#add(previous, token, 1)
        previous = token
      }
      if (ended) transitions.#add(previous, END, 1)
    }
    return transitions
  }

  /**
   * Surprise in nats once counts are mixed in.
   *
   * @param surprise of the network, -ln p @param token that came, END included @param previous the one before it, BEGIN included
   */
  temper(surprise: number, token: number, previous: number): number {
    return -Math.log((1 - SHARE) * Math.exp(-surprise) + SHARE * this.probability(token, previous))
  }

  /** As temper, for all targets of a session. */
  temperAll({ tokens }: TokenSequence, { surprises, ...others }: SequenceScores): SequenceScores {
    const tempered = surprises.map((surprise, i) =>
      this.temper(surprise, tokens[i] ?? END, i === 0 ? BEGIN : tokens[i - 1]!),
    )
    return { ...others, surprises: tempered }
  }

  /** As temper, for the tokens that the network held likeliest after `previous`, the best first. */
  temperLikely(likely: readonly LikelyToken[], previous: number): LikelyToken[] {
    return likely
      .map(({ token, probability }) => ({
        token,
        probability: Math.exp(-this.temper(-Math.log(probability), token, previous)),
      }))
      .sort((a, b) => b.probability - a.probability)
  }

  /**
   * How likely `token` follows, by counts: as often as it did after the one before, where that is known, else as often as anywhere (Witten and
   * Bell, 1991). @param without counts of some of the sessions in these, which are then left out
   */
  probability(token: number, previous: number, without?: Transitions): number {
    const share = this.#share(token, without)
    const followers = this.#followers[previous]! - (without ? without.#followers[previous]! : 0)
    if (followers === 0) return share
    const kinds = this.#kinds[previous]!
    const seen = this.#seen(token, previous) - (without ? without.#seen(token, previous) : 0)
    return (seen + kinds * share) / (followers + kinds)
  }

  #seen(token: number, previous: number): number {
    return this.#pairs.get(previous * this.vocabularySize + token) ?? 0
  }

  /** Share of a token among all, a token that never came included. */
  #share(token: number, without: Transitions | undefined): number {
    const kinds = Math.max(1, this.#numKinds)
    const seen = this.#counts[token]! - (without ? without.#counts[token]! : 0)
    const numEvents = this.#numEvents - (without ? without.#numEvents : 0)
    return (seen + kinds / this.vocabularySize) / (numEvents + kinds)
  }

  toTable(): number[] {
    return [...this.#pairs].flatMap(([pair, seen]) => [
      Math.floor(pair / this.vocabularySize),
      pair % this.vocabularySize,
      seen,
    ])
  }

  /** Whether numbers are such a table, of tokens below V. */
  static isTable(table: readonly number[], vocabularySize: number): boolean {
    return table.length % 3 === 0 && table.every((value, i) => i % 3 === 2 || value < vocabularySize)
  }

  /** @param table from toTable */
  static fromTable(table: readonly number[], vocabularySize: number): Transitions {
    const transitions = new Transitions(vocabularySize)
    for (let i = 0; i + 2 < table.length; i += 3) transitions.#add(table[i]!, table[i + 1]!, table[i + 2]!)
    return transitions
  }

  #add(previous: number, token: number, times: number): void {
    const pair = previous * this.vocabularySize + token
    const seen = this.#pairs.get(pair)
    if (seen === undefined) {
      if (this.#pairs.size >= MAX_PAIRS) return
      this.#kinds[previous]!++
    }
    if (this.#counts[token] === 0) this.#numKinds++
    this.#pairs.set(pair, (seen ?? 0) + times)
    this.#followers[previous]! += times
    this.#counts[token]! += times
    this.#numEvents += times
  }
}
