/** Nodes of one cluster, asked in turn: one at a time, the next when it fails. */
export class HttpNodes {
  #at = 0

  /** @param urls at least one */
  constructor(readonly urls: readonly string[]) {}

  /** The address of a path on the node that is asked now. */
  url(path: string): URL {
    const base = this.urls[this.#at % this.urls.length]!
    return new URL(path, base.endsWith('/') ? base : `${base}/`)
  }

  /** Turns to the next node. */
  turn(): void {
    this.#at++
  }
}
