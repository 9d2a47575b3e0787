const VACANT = 0
const BARE = 1
const WAITING = 2
const KNOWN = 3
const NO_NODE = -1

/**
 * Every token prefix seen lately, as a tree: node n stands for the tokens on the path to it, and once resolved holds a row of numbers. A node is
 * bare at first, then waits for its row, then is known. Prefixes shared by sessions are stored once. Memory is fixed: the least recently used leaf
 * makes room.
 *
 * A map keyed by parent and token finds children: one look-up for an event, no string built.
 */
export class TokenTree {
  readonly #children = new Map<number, number>()
  readonly #parents: Int32Array
  readonly #tokens: Int32Array
  readonly #depths: Int32Array
  readonly #numChildren: Int32Array
  readonly #stamps: Uint32Array
  readonly #states: Uint8Array
  readonly #pins: Uint16Array
  readonly #older: Int32Array
  readonly #newer: Int32Array
  /** (capacity, rowSize) */
  protected readonly rows: Float32Array
  #oldest = NO_NODE
  #newest = NO_NODE
  #used = 1
  #numWaiting = 0

  /**
   * @param capacity nodes kept, the root included
   * @param rowSize numbers that a node holds
   * @param firstStamp stamp of every node at first; a tree that replaces another starts above that one's stamps
   */
  constructor(
    readonly capacity: number,
    readonly vocabularySize: number,
    readonly rowSize: number,
    firstStamp = 0,
  ) {
    this.#parents = new Int32Array(capacity)
    this.#tokens = new Int32Array(capacity)
    this.#depths = new Int32Array(capacity)
    this.#numChildren = new Int32Array(capacity)
    this.#stamps = new Uint32Array(capacity).fill(firstStamp)
    this.#states = new Uint8Array(capacity)
    this.#pins = new Uint16Array(capacity)
    this.#older = new Int32Array(capacity).fill(NO_NODE)
    this.#newer = new Int32Array(capacity).fill(NO_NODE)
    this.rows = new Float32Array(capacity * rowSize)
  }

  /** The empty prefix. */
  get root(): number {
    return 0
  }

  /** Nodes whose rows are awaited. */
  get numWaiting(): number {
    return this.#numWaiting
  }

  /** Nodes in use. */
  get size(): number {
    return this.#children.size + 1
  }

  /** The prefix one token longer; made, and marked as used, if it is not there. */
  child(node: number, token: number): number {
    const key = node * this.vocabularySize + token
    const known = this.#children.get(key)
    if (known !== undefined) {
      this.#touch(known)
      return known
    }
    // The parent must outlive the search for a free node.
    this.#numChildren[node]!++
    const fresh = this.#allocate()
    this.#children.set(key, fresh)
    this.#parents[fresh] = node
    this.#tokens[fresh] = token
    this.#depths[fresh] = this.#depths[node]! + 1
    this.#states[fresh] = BARE
    return fresh
  }

  /** Says that a node's row is awaited. @returns whether that is news: it was neither waiting nor known */
  ask(node: number): boolean {
    if (this.#states[node] !== BARE) return false
    this.#states[node] = WAITING
    this.#numWaiting++
    return true
  }

  /** Takes `ask` back: the row will not come. */
  forget(node: number): void {
    if (this.#states[node] !== WAITING) return
    this.#states[node] = BARE
    this.#numWaiting--
  }

  /** The node of an existing child; NO_NODE (-1) if there is none. Looking refreshes nothing. */
  peekChild(node: number, token: number): number {
    return this.#children.get(node * this.vocabularySize + token) ?? NO_NODE
  }

  stamp(node: number): number {
    return this.#stamps[node]!
  }

  parent(node: number): number {
    return this.#parents[node]!
  }

  token(node: number): number {
    return this.#tokens[node]!
  }

  /** Tokens in the prefix. */
  depth(node: number): number {
    return this.#depths[node]!
  }

  isKnown(node: number): boolean {
    return this.#states[node] === KNOWN
  }

  /** Keeps a node from eviction until unpinned as often. */
  pin(node: number): void {
    this.#pins[node]!++
  }

  unpin(node: number): void {
    this.#pins[node]!--
  }

  /** Stores a node's row, which begins at `offset` of `values`. */
  resolve(node: number, values: Float32Array, offset: number): void {
    const { rowSize } = this
    this.rows.set(values.subarray(offset, offset + rowSize), node * rowSize)
    if (this.#states[node] === WAITING) this.#numWaiting--
    this.#states[node] = KNOWN
  }

  #touch(node: number): void {
    if (node === this.#newest) return
    this.#unlink(node)
    this.#link(node)
  }

  #allocate(): number {
    const node = this.#used < this.capacity ? this.#used++ : this.#evict()
    this.#link(node)
    return node
  }

  /** Frees the least recently used leaf. Nodes with children, in use or waiting get another turn: they are still needed. */
  #evict(): number {
    for (let turns = 0; turns < this.capacity; turns++) {
      const node = this.#oldest
      this.#unlink(node)
      if (this.#numChildren[node] === 0 && this.#pins[node] === 0 && this.#states[node] !== WAITING) {
        const parent = this.#parents[node]!
        this.#children.delete(parent * this.vocabularySize + this.#tokens[node]!)
        this.#numChildren[parent]!--
        this.#stamps[node]!++
        this.#states[node] = VACANT
        return node
      }
      this.#link(node)
    }
    throw new RangeError('prefix tree is full of prefixes in use; give it more memory or smaller batches')
  }

  #link(node: number): void {
    this.#older[node] = this.#newest
    this.#newer[node] = NO_NODE
    if (this.#newest === NO_NODE) this.#oldest = node
    else this.#newer[this.#newest] = node
    this.#newest = node
  }

  #unlink(node: number): void {
    const older = this.#older[node]!
    const newer = this.#newer[node]!
    if (older === NO_NODE) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === NO_NODE) this.#newest = older
    else this.#older[newer] = older
  }
}
