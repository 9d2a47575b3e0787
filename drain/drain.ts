import { createHash } from 'node:crypto'
import { Cluster } from './cluster.js'
import { LineTokens } from './line-tokens.js'
import { MaskScanner } from './mask-scanner.js'
import { type DrainOptions, type ResolvedDrainOptions, resolveDrainOptions } from './options.js'
import { type Parameter, type ParameterVisitor, readParameters, visitParameters } from './parameters.js'
import { RecencyList } from './recency-list.js'
import { Similarity } from './similarity.js'
import {
  type ClusterSnapshot,
  checkSnapshot,
  type DrainSnapshot,
  MAX_LABEL,
  SNAPSHOT_VERSION,
  snapshotCluster,
} from './snapshot.js'
import { MASKED, TokenTable, WIDENED } from './token-table.js'
import { type Leaf, ParseTree } from './tree.js'

/** What a line turned out to be. */
export interface DrainMatch {
  /** Log key of the template. */
  readonly key: number
  readonly cluster: Cluster
  /** What learning the line did to the template. */
  readonly change: DrainChange
}

export type DrainChange = 'none' | 'created' | 'widened'

/** Streaming Drain: lines in, log keys out, templates learnt on the way. */
export class Drain {
  readonly options: ResolvedDrainOptions
  readonly #table = new TokenTable()
  readonly #scanner: MaskScanner
  readonly #line: LineTokens
  readonly #tree: ParseTree
  readonly #similarity: Similarity
  readonly #clusters = new Map<number, Cluster>()
  readonly #ids = new Set<string>()
  readonly #recency = new RecencyList()
  #nextKey = 0
  #change: DrainChange = 'none'

  /** Throws DrainConfigError that lists everything wrong with the options. */
  constructor(options?: DrainOptions) {
    this.options = resolveDrainOptions(options)
    this.#scanner = new MaskScanner(this.options.masks)
    this.#line = new LineTokens(this.options, this.#scanner, this.#table)
    this.#tree = new ParseTree(this.options, this.#table)
    this.#similarity = new Similarity(this.options, this.#table)
  }

  /** Restores what `toSnapshot` gave: from here on both behave alike. Throws DrainSnapshotError. */
  static fromSnapshot(json: unknown): Drain {
    const snapshot = checkSnapshot(json)
    const drain = new Drain(snapshot.options)
    drain.#restore(snapshot)
    return drain
  }

  /** Everything learnt, as plain JSON. */
  toSnapshot(): DrainSnapshot {
    const text = (id: number, wildcard: number) => (id === wildcard ? null : this.#table.text(id))
    return {
      kind: 'logneo-drain',
      version: SNAPSHOT_VERSION,
      options: this.options,
      nextKey: this.#nextKey,
      clusters: this.clusters().map(cluster =>
        snapshotCluster(
          cluster,
          Array.from(cluster.tokenIds, id => text(id, WIDENED)),
          cluster.leaf.path.map(id => text(id, MASKED)),
        ),
      ),
      recency: this.#recency.keys(),
    }
  }

  /** Number of clusters kept. */
  get size(): number {
    return this.#clusters.size
  }

  /**
   * Finds the line's template, makes or widens it if need be. The text begins at `start`, behind a header that was
   * read already; so everywhere below.
   */
  learn(line: string, start = 0): DrainMatch {
    const cluster = this.#learn(line, start)
    return { key: cluster.key, cluster, change: this.#change }
  }

  /** As `learn`, but gives the log key alone and makes no object. */
  learnKey(line: string, start = 0): number {
    return this.#learn(line, start).key
  }

  /** The template that `learn` would choose if that needs no new one. Learns nothing and refreshes no recency. */
  match(line: string, start = 0): DrainMatch | undefined {
    const cluster = this.#match(line, start)
    return cluster === undefined ? undefined : { key: cluster.key, cluster, change: 'none' }
  }

  /** As `match`, but gives the log key alone, -1 where there is none. */
  matchKey(line: string, start = 0): number {
    return this.#match(line, start)?.key ?? -1
  }

  /** The cluster of a log key, unless it was forgotten. Refreshes no recency. */
  cluster(key: number): Cluster | undefined {
    return this.#clusters.get(key)
  }

  /** All clusters in the order of their keys. */
  clusters(): Cluster[] {
    return [...this.#clusters.values()]
  }

  /** What stands in the line where the template varies, in the line's order. Empty if the line has another shape. */
  parameters(line: string, cluster: Cluster, start = 0): Parameter[] {
    this.#line.split(line, start)
    return readParameters(line, this.#line, this.#scanner, cluster)
  }

  /**
   * As `parameters`, of the line that was learnt last, which is not split again, and without objects.
   *
   * @param form tokens that the template had once, to read the line as it was read then where it still fits them
   */
  visitParameters(cluster: Cluster, visit: ParameterVisitor, form?: readonly string[]): void {
    visitParameters(this.#line, this.#scanner, cluster, visit, form)
  }

  /** Forgets a template; its key is never used again. False if there is none. */
  remove(key: number): boolean {
    const cluster = this.#clusters.get(key)
    if (cluster === undefined) return false
    this.#forget(cluster)
    return true
  }

  /** Pinned templates are never widened nor forgotten for want of room. At most half of `maxClusters` can be pinned. */
  pin(key: number, isPinned = true): boolean {
    const cluster = this.#clusters.get(key)
    if (cluster === undefined) return false
    if (isPinned && !cluster.isPinned && (this.#recency.numPinned + 1) * 2 > this.options.maxClusters)
      return false
    this.#recency.pin(cluster, isPinned)
    return true
  }

  /** Gives a template a name for people, of at most 1,024 characters; undefined takes it away. */
  label(key: number, label: string | undefined): boolean {
    if (label !== undefined && label.length > MAX_LABEL) {
      throw new RangeError(`a label has at most ${MAX_LABEL} characters, got ${label.length}`)
    }
    const cluster = this.#clusters.get(key)
    if (cluster === undefined) return false
    cluster.label = label
    return true
  }

  #match(line: string, start: number): Cluster | undefined {
    this.#line.split(line, start)
    const leaf = this.#tree.find(this.#line)
    return leaf === undefined ? undefined : this.#similarity.findBest(leaf, this.#line)
  }

  #learn(line: string, start: number): Cluster {
    const found = this.#match(line, start)
    const cluster = found ?? this.#create()
    if (found === undefined) this.#change = 'created'
    else if (this.#similarity.isCovered) this.#change = 'none'
    else {
      found.leaf.index?.remove(found)
      found.widen(this.#line.ids, this.options.maxHistory)
      found.leaf.index?.add(found)
      this.#change = 'widened'
    }
    cluster.numLines++
    this.#recency.touch(cluster)
    return cluster
  }

  #create(): Cluster {
    while (this.#clusters.size >= this.options.maxClusters) this.#forget(this.#recency.oldest()!)
    const line = this.#line
    const leaf: Leaf = this.#tree.insert(line)
    const texts = Array.from({ length: line.count }, (_, token) => line.text(token))
    const ids = Int32Array.from(texts, text => this.#table.intern(text))
    const cluster = new Cluster(
      this.#nextKey++,
      this.#newId(texts),
      ids,
      line.isGlued.slice(0, line.count),
      leaf,
      this.#table,
    )
    leaf.add(cluster)
    this.#clusters.set(cluster.key, cluster)
    this.#recency.add(cluster)
    return cluster
  }

  /** Two live templates with one first form (the tree can come to that) are told apart by their order. */
  #newId(texts: readonly string[]): string {
    for (let copy = 0; ; copy++) {
      const form = JSON.stringify(copy === 0 ? texts : [...texts, copy])
      const id = createHash('sha256').update(form).digest('hex').slice(0, 16)
      if (this.#ids.has(id)) continue
      this.#ids.add(id)
      return id
    }
  }

  #restore(snapshot: DrainSnapshot): void {
    this.#nextKey = snapshot.nextKey
    for (const stored of snapshot.clusters) this.#restoreCluster(stored)
    for (const key of snapshot.recency) this.#recency.add(this.#clusters.get(key)!)
  }

  #restoreCluster(stored: ClusterSnapshot): void {
    const path = stored.path.map(token => (token === null ? MASKED : this.#table.intern(token)))
    const leaf = this.#tree.restore(stored.tokens.length, path)
    for (const id of path) this.#table.release(id)
    const ids = Int32Array.from(stored.tokens, token =>
      token === null ? WIDENED : this.#table.intern(token),
    )
    const glued = new Uint8Array(ids.length)
    for (const token of stored.glued) glued[token] = 1
    const cluster = new Cluster(stored.key, stored.id, ids, glued, leaf, this.#table)
    cluster.restore(stored)
    leaf.add(cluster)
    this.#clusters.set(cluster.key, cluster)
    this.#ids.add(cluster.id)
  }

  #forget(cluster: Cluster): void {
    this.#tree.remove(cluster)
    this.#recency.remove(cluster)
    this.#clusters.delete(cluster.key)
    this.#ids.delete(cluster.id)
    for (const id of cluster.tokenIds) this.#table.release(id)
  }
}
