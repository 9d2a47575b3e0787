import type { ClusterSnapshot } from './snapshot.js'
import { MASKED, type TokenTable, WIDENED } from './token-table.js'
import type { Leaf } from './tree.js'

/** Lines that share a template. */
export class Cluster {
  /** Lines learnt into this cluster. */
  numLines = 0
  /** A name that a person gave the template. */
  label: string | undefined
  /** Pinned templates are never widened and never forgotten for want of room. */
  isPinned = false
  /** @internal Neighbours by recency. */
  newer: Cluster | undefined
  /** @internal */
  older: Cluster | undefined
  #template: string | undefined
  #history: string[] = []

  constructor(
    /** The log key: a small integer that no other template ever gets. */
    readonly key: number,
    /** Sixteen hexadecimal digits derived from the template's first form: the same wherever the same lines are learnt. */
    readonly id: string,
    /** @internal Token ids; WIDENED where widening made a wildcard. */
    readonly tokenIds: Int32Array,
    /** @internal 1 where no space stands before a token. */
    readonly glued: Uint8Array,
    /** @internal */
    readonly leaf: Leaf,
    private readonly table: TokenTable,
  ) {}

  /** Tokens of the template, `<*>` where text varies. */
  get tokens(): readonly string[] {
    return Array.from(this.tokenIds, id => this.table.text(id))
  }

  /** The event template. */
  get template(): string {
    this.#template ??= this.#render()
    return this.#template
  }

  /** Earlier texts of the template, oldest first; the first form stays when others make room. */
  get history(): readonly string[] {
    return this.#history
  }

  /** Number of places that vary. */
  get numWildcards(): number {
    let num = 0
    for (const id of this.tokenIds) if (id === WIDENED || id === MASKED) num++
    return num
  }

  /** @internal Makes places wildcards where the line's ids differ. */
  widen(lineIds: Int32Array, maxHistory: number): void {
    this.#remember(this.template, maxHistory)
    this.#template = undefined
    const ids = this.tokenIds
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === WIDENED || ids[i] === lineIds[i]) continue
      this.table.release(ids[i]!)
      ids[i] = WIDENED
    }
  }

  /** @internal */
  restore(stored: ClusterSnapshot): void {
    this.numLines = stored.numLines
    this.label = stored.label
    this.isPinned = stored.isPinned === true
    this.#history = [...stored.history]
  }

  #remember(template: string, maxHistory: number): void {
    if (this.#history.length >= maxHistory) this.#history.splice(Math.min(1, maxHistory - 1), 1)
    if (this.#history.length < maxHistory) this.#history.push(template)
  }

  #render(): string {
    let text = ''
    for (let i = 0; i < this.tokenIds.length; i++) {
      text += i === 0 || this.glued[i] === 1 ? '' : ' '
      text += this.table.text(this.tokenIds[i]!)
    }
    return text
  }
}
