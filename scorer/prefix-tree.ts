import { type LikelyToken, likeliest } from './likeliest.js'
import type { Predictions } from './next-key-scorer.js'
import { TokenTree } from './token-tree.js'

/**
 * Every token prefix seen lately, with the log-probabilities of the token that follows: an exact memo of what the model says, and at the same
 * time the index of the cache of keys and values (row n of the cache belongs to node n). Every node waits to be computed.
 */
export class PrefixTree extends TokenTree implements Predictions {
  /**
   * @param capacity nodes kept, the root included
   * @param firstStamp stamp of every node at first; a tree that replaces another starts above that one's stamps
   */
  constructor(capacity: number, vocabularySize: number, firstStamp = 0) {
    super(capacity, vocabularySize, vocabularySize, firstStamp)
  }

  /** The prefix one token longer; made, and marked as used, if it is not there. */
  override child(node: number, token: number): number {
    const child = super.child(node, token)
    this.ask(child)
    return child
  }

  /** -ln p of `token` after the prefix, which must be known. */
  surprise(node: number, token: number): number {
    return -this.rows[node * this.vocabularySize + token]!
  }

  /** How many tokens are likelier than `token` after the prefix. */
  rank(node: number, token: number): number {
    const start = node * this.vocabularySize
    const observed = this.rows[start + token]!
    // As with most tokens: no two have more than half each.
    if (observed > -Math.LN2) return 0
    let likelier = 0
    for (let i = start; i < start + this.vocabularySize; i++) if (this.rows[i]! > observed) likelier++
    return likelier
  }

  /** -ln of the probability of `token` and all that are no likelier after the prefix. */
  rarity(node: number, token: number): number {
    const start = node * this.vocabularySize
    const observed = this.rows[start + token]!
    let probability = 0
    for (let i = start; i < start + this.vocabularySize; i++)
      if (this.rows[i]! <= observed) probability += Math.exp(this.rows[i]!)
    return Math.max(0, -Math.log(probability))
  }

  /** The `count` likeliest next tokens after a known prefix, with probabilities, best first. */
  likeliest(node: number, count: number): LikelyToken[] {
    return likeliest(this.distribution(node), count)
  }

  /** Log-probabilities (V) after the prefix, as a view that the next eviction may overwrite. */
  distribution(node: number): Float32Array {
    return this.rows.subarray(node * this.vocabularySize, (node + 1) * this.vocabularySize)
  }
}
