/** Token ids that are not log keys. */
export const PAD = 0
export const BEGIN = 1
export const END = 2
export const UNKNOWN = 3
export const NUM_SPECIALS = 4

/** Maps log keys (any strings: small integers, template ids) to token ids, fixed once a model is trained. */
export class Vocabulary {
  readonly #ids = new Map<string, number>()

  constructor(readonly keys: readonly string[]) {
    keys.forEach((key, i) => {
      this.#ids.set(key, NUM_SPECIALS + i)
    })
  }

  /** Collects the keys of sequences in order of first appearance. */
  static of(sequences: Iterable<readonly string[]>): Vocabulary {
    const keys = new Set<string>()
    for (const sequence of sequences) for (const key of sequence) keys.add(key)
    return new Vocabulary([...keys])
  }

  /** Token ids in all, specials included. */
  get size(): number {
    return NUM_SPECIALS + this.keys.length
  }

  /** The token id of a key, UNKNOWN for one that was not there in training. */
  id(key: string): number {
    return this.#ids.get(key) ?? UNKNOWN
  }

  /** The key of a token id; undefined for specials. */
  key(id: number): string | undefined {
    return this.keys[id - NUM_SPECIALS]
  }
}
