import type { Cluster } from './cluster.js'
import type { LineTokens } from './line-tokens.js'
import { UNKNOWN, WIDENED } from './token-table.js'

/**
 * Clusters of one leaf by the tokens they hold, for leaves with so many that comparing a line with each is slow
 * (benchmark `drain`, many templates).
 *
 * A template that equals a line in `need` of `n` places equals it in at least one of any `n - need + 1` places, so it
 * is enough to look there, and the places with the fewest clusters are chosen.
 */
export class LeafIndex {
  /** By place, then token id. */
  readonly #holders: readonly Map<number, Set<Cluster>>[]
  readonly #places: number[]
  readonly #sizes: number[]

  constructor(numTokens: number, clusters: readonly Cluster[]) {
    this.#holders = Array.from({ length: numTokens }, () => new Map<number, Set<Cluster>>())
    this.#places = Array.from({ length: numTokens }, (_, place) => place)
    this.#sizes = new Array<number>(numTokens).fill(0)
    for (const cluster of clusters) this.add(cluster)
  }

  add(cluster: Cluster): void {
    for (const [place, id] of cluster.tokenIds.entries()) {
      if (id === WIDENED) continue
      const holders = this.#holders[place]!.get(id)
      if (holders === undefined) this.#holders[place]!.set(id, new Set([cluster]))
      else holders.add(cluster)
    }
  }

  /** Takes a cluster out with the tokens it has now. */
  remove(cluster: Cluster): void {
    for (const [place, id] of cluster.tokenIds.entries()) {
      const holders = this.#holders[place]!.get(id)
      holders?.delete(cluster)
      if (holders?.size === 0) this.#holders[place]!.delete(id)
    }
  }

  /** Calls `visit` with every cluster that may equal the line in `need` places, some of them more than once. */
  visit(line: LineTokens, need: number, visit: (cluster: Cluster) => void): void {
    const { ids } = line
    for (const [place, holders] of this.#holders.entries()) {
      const id = ids[place]!
      this.#sizes[place] = id === UNKNOWN ? 0 : (holders.get(id)?.size ?? 0)
    }
    this.#places.sort((a, b) => this.#sizes[a]! - this.#sizes[b]!)
    for (let i = 0; i <= this.#holders.length - need; i++) {
      const place = this.#places[i]!
      const holders = this.#sizes[place] === 0 ? undefined : this.#holders[place]!.get(ids[place]!)
      if (holders !== undefined) for (const cluster of holders) visit(cluster)
    }
  }
}
