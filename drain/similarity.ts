import type { Cluster } from './cluster.js'
import type { LineTokens } from './line-tokens.js'
import type { ResolvedDrainOptions } from './options.js'
import { type TokenTable, WIDENED } from './token-table.js'
import type { Leaf } from './tree.js'

/** How alike a line and a template of the same length are. */
export class Similarity {
  /** Places where the last pair compared was equal and no wildcard of widening. */
  numEqual = 0
  /** Places where the template was a wildcard of widening. */
  numWidened = 0
  /** Whether the last template chosen needs no widening for its line. */
  isCovered = false
  readonly #threshold: number
  readonly #tokensPerWordChange: number

  constructor(
    options: ResolvedDrainOptions,
    private readonly table: TokenTable,
  ) {
    this.#threshold = options.similarityThreshold
    this.#tokensPerWordChange = options.tokensPerWordChange
  }

  /** Least number of equal places for a line of so many tokens. */
  need(numTokens: number): number {
    return Math.ceil(this.#threshold * numTokens - 1e-9)
  }

  /** Plain words that a template of so many tokens may lose to one line. */
  maxWordChanges(numTokens: number): number {
    return Math.floor(numTokens / this.#tokensPerWordChange)
  }

  /** Compares; false as soon as more plain words differ than may. */
  compare(cluster: Cluster, line: LineTokens, maxWordChanges: number): boolean {
    const { tokenIds } = cluster
    const { ids, isWord: isLineWord } = line
    const { isWord } = this.table
    let equal = 0
    let widened = 0
    let wordChanges = 0
    for (let i = 0; i < tokenIds.length; i++) {
      const id = tokenIds[i]!
      if (id === ids[i]) equal++
      else if (id === WIDENED) widened++
      else if (isWord[id] === 1 && isLineWord[i] === 1 && ++wordChanges > maxWordChanges) return false
    }
    this.numEqual = equal
    this.numWidened = widened
    return true
  }
}

/** The leaf's cluster most like the line, if like enough; the first made of equals. Refreshes no recency. */
export function findBest(leaf: Leaf, line: LineTokens, similarity: Similarity): Cluster | undefined {
  const { count } = line
  const need = similarity.need(count)
  const maxWordChanges = similarity.maxWordChanges(count)
  let best: Cluster | undefined
  let bestEqual = need - 1
  let bestWidened = -1
  const { clusters } = leaf
  for (let i = 0; i < clusters.length; i++) {
    const cluster = clusters[i]!
    if (!similarity.compare(cluster, line, maxWordChanges)) continue
    const { numEqual, numWidened } = similarity
    if (numEqual < bestEqual || (numEqual === bestEqual && numWidened <= bestWidened)) continue
    if (cluster.isPinned && numEqual + numWidened < count) continue
    if (numEqual < need) continue
    best = cluster
    bestEqual = numEqual
    bestWidened = numWidened
    if (numEqual === count) break
  }
  similarity.isCovered = bestEqual + bestWidened === count
  return best
}
