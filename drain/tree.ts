import type { Cluster } from './cluster.js'
import { LeafIndex } from './leaf-index.js'
import type { LineTokens } from './line-tokens.js'
import type { ResolvedDrainOptions } from './options.js'
import { Variability } from './token-rows.js'
import { MASKED, type TokenTable, UNKNOWN } from './token-table.js'

/** Inner node of the parse tree. Children by token id; MASKED is the child for all that vary. */
interface Branch {
  readonly children: Map<number, Branch | Leaf>
}

/** Clusters in a leaf from which on an index pays. */
const MIN_INDEXED = 32

/** Lowest node: clusters in the order of their keys, with the path that leads here. */
export class Leaf {
  readonly clusters: Cluster[] = []
  /** Only in leaves with many clusters. */
  index: LeafIndex | undefined

  constructor(
    readonly numTokens: number,
    /** Token ids from the root on. */
    readonly path: readonly number[],
  ) {}

  add(cluster: Cluster): void {
    this.clusters.push(cluster)
    if (this.index !== undefined) this.index.add(cluster)
    else if (this.clusters.length >= MIN_INDEXED) this.index = new LeafIndex(this.numTokens, this.clusters)
  }

  remove(cluster: Cluster): void {
    this.clusters.splice(this.clusters.indexOf(cluster), 1)
    this.index?.remove(cluster)
  }
}

/** Fixed-depth parse tree: by number of tokens, then by leading tokens. */
export class ParseTree {
  readonly #roots = new Map<number, Branch | Leaf>()
  readonly #numLayers: number
  readonly #maxChildren: number
  readonly #sharesNumbered: boolean

  constructor(
    options: ResolvedDrainOptions,
    private readonly table: TokenTable,
  ) {
    this.#numLayers = options.depth - 3
    this.#maxChildren = options.maxChildren
    this.#sharesNumbered = options.parametrizeNumericTokens
  }

  /** The leaf whose clusters a line may belong to. */
  find(line: LineTokens): Leaf | undefined {
    let node = this.#roots.get(line.count)
    for (let layer = 0; node !== undefined && !(node instanceof Leaf); layer++) {
      const id = this.#varies(line, layer) ? MASKED : line.ids[layer]!
      node = (id === UNKNOWN ? undefined : node.children.get(id)) ?? node.children.get(MASKED)
    }
    return node
  }

  /** The leaf for a new cluster of the line, made if need be. */
  insert(line: LineTokens): Leaf {
    const path: number[] = []
    const numLayers = Math.min(this.#numLayers, line.count)
    let node = this.#roots.get(line.count) ?? this.#make(numLayers, line.count, path)
    this.#roots.set(line.count, node)
    while (!(node instanceof Leaf)) {
      const layer = path.length
      const id = this.#childFor(node, line, layer)
      const known = node.children.get(id)
      path.push(id)
      const child: Branch | Leaf = known ?? this.#make(numLayers - layer - 1, line.count, path)
      if (known === undefined) node.children.set(id, child)
      node = child
    }
    return node
  }

  /** The leaf at a path as stored; ids are counted as used. */
  restore(numTokens: number, path: readonly number[]): Leaf {
    let node = this.#roots.get(numTokens) ?? this.#make(path.length, numTokens, [])
    this.#roots.set(numTokens, node)
    for (let layer = 0; !(node instanceof Leaf); layer++) {
      const id = path[layer]!
      const known = node.children.get(id)
      const child: Branch | Leaf =
        known ?? this.#make(path.length - layer - 1, numTokens, path.slice(0, layer + 1))
      if (known === undefined) {
        node.children.set(id, child)
        this.table.intern(this.table.text(id))
      }
      node = child
    }
    return node
  }

  /** Number of layers of leading tokens above the leaves for lines of so many tokens. */
  numLayers(numTokens: number): number {
    return Math.min(this.#numLayers, numTokens)
  }

  /** Takes a cluster out, and the nodes that it leaves empty. */
  remove(cluster: Cluster): void {
    const { leaf } = cluster
    leaf.remove(cluster)
    if (leaf.clusters.length === 0) this.#prune(leaf)
  }

  #prune(leaf: Leaf): void {
    const branches: Branch[] = []
    let node = this.#roots.get(leaf.numTokens)
    for (const id of leaf.path) {
      branches.push(node as Branch)
      node = (node as Branch).children.get(id)
    }
    for (let layer = branches.length - 1; layer >= 0; layer--) {
      const { children } = branches[layer]!
      children.delete(leaf.path[layer]!)
      this.table.release(leaf.path[layer]!)
      if (children.size > 0) return
    }
    this.#roots.delete(leaf.numTokens)
  }

  #childFor(node: Branch, line: LineTokens, layer: number): number {
    if (this.#varies(line, layer)) return MASKED
    const id = line.ids[layer]!
    if (id !== UNKNOWN && node.children.has(id)) return id
    const numWords = node.children.size - (node.children.has(MASKED) ? 1 : 0)
    return numWords < this.#maxChildren - 1 ? this.table.intern(line.text(layer)) : MASKED
  }

  #varies(line: LineTokens, layer: number): boolean {
    const variability = line.variability[layer]!
    return (
      variability === Variability.hasMask || (variability === Variability.hasDigit && this.#sharesNumbered)
    )
  }

  #make(numLayers: number, numTokens: number, path: readonly number[]): Branch | Leaf {
    return numLayers > 0 ? { children: new Map() } : new Leaf(numTokens, [...path])
  }
}
