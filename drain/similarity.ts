import type { Cluster } from './cluster.js'
import type { LineTokens } from './line-tokens.js'
import type { ResolvedDrainOptions } from './options.js'
import { type TokenTable, WIDENED } from './token-table.js'
import type { Leaf } from './tree.js'

/** Chooses the template for a line among those of a leaf. */
export class Similarity {
  /** Whether the last template chosen needs no widening for its line. */
  isCovered = false
  /** Places where the last pair compared was equal and no wildcard of widening. */
  #numEqual = 0
  /** Places where the template was a wildcard of widening. */
  #numWidened = 0
  #best: Cluster | undefined
  #bestEqual = 0
  #bestWidened = 0
  #line: LineTokens | undefined
  #maxWordChanges = 0
  readonly #threshold: number
  readonly #tokensPerWordChange: number

  constructor(
    options: ResolvedDrainOptions,
    private readonly table: TokenTable,
  ) {
    this.#threshold = options.similarityThreshold
    this.#tokensPerWordChange = options.tokensPerWordChange
  }

  /** The leaf's cluster most like the line, if like enough; of equals the first made. Refreshes no recency. */
  findBest(leaf: Leaf, line: LineTokens): Cluster | undefined {
    const need = this.#begin(line)
    if (leaf.index !== undefined) leaf.index.visit(line, need, this.#visit)
    else this.#compareAll(leaf.clusters)
    return this.#end(line)
  }

  /** As `findBest`, without the index. */
  findBestPlainly(leaf: Leaf, line: LineTokens): Cluster | undefined {
    this.#begin(line)
    this.#compareAll(leaf.clusters)
    return this.#end(line)
  }

  /** Returns the least number of equal places. */
  #begin(line: LineTokens): number {
    const need = Math.ceil(this.#threshold * line.count - ROUNDING)
    this.#line = line
    this.#maxWordChanges = Math.floor(line.count / this.#tokensPerWordChange)
    this.#best = undefined
    this.#bestEqual = need - 1
    this.#bestWidened = Number.POSITIVE_INFINITY
    return need
  }

  #end(line: LineTokens): Cluster | undefined {
    this.isCovered = this.#bestEqual + this.#bestWidened === line.count
    return this.#best
  }

  #compareAll(clusters: readonly Cluster[]): void {
    for (let i = 0; i < clusters.length; i++) this.#consider(clusters[i]!)
  }

  readonly #visit = (cluster: Cluster) => this.#consider(cluster)

  #consider(cluster: Cluster): void {
    if (!this.#compare(cluster, this.#line!)) return
    const numEqual = this.#numEqual
    const numWidened = this.#numWidened
    if (numEqual < this.#bestEqual) return
    if (numEqual === this.#bestEqual) {
      if (numWidened < this.#bestWidened) return
      if (numWidened === this.#bestWidened && cluster.key >= this.#best!.key) return
    }
    if (cluster.isPinned && numEqual + numWidened < this.#line!.count) return
    this.#best = cluster
    this.#bestEqual = numEqual
    this.#bestWidened = numWidened
  }

  /** False as soon as more plain words differ than may. */
  #compare(cluster: Cluster, line: LineTokens): boolean {
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
      else if (isWord[id] === 1 && isLineWord[i] === 1 && ++wordChanges > this.#maxWordChanges) return false
    }
    this.#numEqual = equal
    this.#numWidened = widened
    return true
  }
}

/** Keeps 0.4 x 5 from needing three places. */
const ROUNDING = 1e-9
