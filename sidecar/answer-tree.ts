import type { LikelyToken } from '../scorer/likeliest.js'
import type { Predictions } from '../scorer/next-key-scorer.js'
import { TokenTree } from '../scorer/token-tree.js'
import type { ScoreReply } from './protocol.js'

/** Likeliest tokens kept of each answer: as many as a verdict shows, and one to spare for the end of a session. */
export const NUM_EXPECTED = 4

const SURPRISE = 0
const RANK = 1
const RARITY = 2
const EXPECTED = 3
const PROBABILITY = EXPECTED + NUM_EXPECTED
const ROW_SIZE = PROBABILITY + NUM_EXPECTED
/** In the place of a token, where the vocabulary has no more. */
const NO_TOKEN = -1

/** Bytes of a node: its row, map entry, links. */
export const ANSWER_BYTES = 4 * ROW_SIZE + 96

/**
 * What a sidecar said, by prefix and observed token: an event's node stands for the tokens before it and its own. Answers do not depend on
 * anything else, so what was asked once is known as long as it is remembered. Its memory does not grow with the vocabulary, as that of
 * `PrefixTree` does.
 */
export class AnswerTree extends TokenTree implements Predictions {
  readonly #row = new Float32Array(ROW_SIZE)

  constructor(capacity: number, vocabularySize: number) {
    super(capacity, vocabularySize, ROW_SIZE)
  }

  surprise(node: number): number {
    return this.rows[node * ROW_SIZE + SURPRISE]!
  }

  rank(node: number): number {
    return this.rows[node * ROW_SIZE + RANK]!
  }

  rarity(node: number): number {
    return this.rows[node * ROW_SIZE + RARITY]!
  }

  /** At most NUM_EXPECTED of them. */
  likeliest(node: number, count: number): LikelyToken[] {
    const start = node * ROW_SIZE
    const likely: LikelyToken[] = []
    for (let i = 0; i < Math.min(count, NUM_EXPECTED); i++) {
      const token = this.rows[start + EXPECTED + i]!
      if (token !== NO_TOKEN) likely.push({ token, probability: this.rows[start + PROBABILITY + i]! })
    }
    return likely
  }

  /** The tokens before the event of a node. */
  prefix(node: number): number[] {
    const tokens = new Array<number>(this.depth(node) - 1)
    let ancestor = this.parent(node)
    for (let i = tokens.length - 1; i >= 0; i--) {
      tokens[i] = this.token(ancestor)
      ancestor = this.parent(ancestor)
    }
    return tokens
  }

  /** Keeps the answer at a place of a reply. */
  store(node: number, reply: ScoreReply, at: number): void {
    const row = this.#row
    row[SURPRISE] = reply.surprise[at]!
    row[RANK] = reply.rank[at]!
    row[RARITY] = reply.rarity[at]!
    for (let i = 0; i < NUM_EXPECTED; i++) {
      row[EXPECTED + i] = reply.expected[at]![i] ?? NO_TOKEN
      row[PROBABILITY + i] = reply.probability[at]![i] ?? 0
    }
    this.resolve(node, row, 0)
  }
}
