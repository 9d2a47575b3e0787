/** Keys of one session beyond these, in order of first appearance, are not compared with each other: pairs would multiply. */
const MAX_COMPARED = 100

/** How often each token came in one session. Owned by the session. */
export class Tally {
  readonly #counts = new Map<number, number>()
  readonly #compared: number[] = []

  static of(tokens: Iterable<number>): Tally {
    const tally = new Tally()
    for (const token of tokens) tally.add(token)
    return tally
  }

  /** The tally that had these entries, in their order. */
  static restore(entries: Iterable<readonly [token: number, count: number]>): Tally {
    const tally = new Tally()
    for (const [token, count] of entries) {
      tally.add(token)
      tally.#counts.set(token, count)
    }
    return tally
  }

  /** @returns how often the token has come now */
  add(token: number): number {
    const count = this.count(token) + 1
    this.#counts.set(token, count)
    if (count === 1 && this.#compared.length < MAX_COMPARED) this.#compared.push(token)
    return count
  }

  count(token: number): number {
    return this.#counts.get(token) ?? 0
  }

  /** Tokens and how often each came, in order of first appearance. */
  entries(): Iterable<readonly [token: number, count: number]> {
    return this.#counts
  }

  /** Tokens that are compared with each other, the first to appear. */
  get compared(): readonly number[] {
    return this.#compared
  }
}
