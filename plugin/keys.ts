import type { Cluster } from '../drain/cluster.js'
import type { Drain } from '../drain/drain.js'
import { UNKNOWN, type Vocabulary } from '../scorer/vocabulary.js'

/** Joins Drain and the model, which know nothing of each other: log keys to token ids and token ids to templates. */
export class Keys {
  #tokens = new Int32Array(256)
  readonly #clusters: (Cluster | undefined)[] = []

  constructor(
    readonly drain: Drain,
    readonly vocabulary: Vocabulary,
  ) {
    for (const cluster of drain.clusters()) {
      const token = vocabulary.id(cluster.id)
      if (token !== UNKNOWN) this.#clusters[token] = cluster
    }
  }

  /** The token id of a log key, UNKNOWN for templates learnt after training. */
  token(key: number): number {
    if (key >= this.#tokens.length) {
      const grown = new Int32Array(2 * key)
      grown.set(this.#tokens)
      this.#tokens = grown
    }
    // 0 is padding, which no key maps to: here it says that the key was not looked up yet.
    const known = this.#tokens[key]!
    if (known !== 0) return known
    const cluster = this.drain.cluster(key)
    const token = cluster === undefined ? UNKNOWN : this.vocabulary.id(cluster.id)
    this.#tokens[key] = token
    return token
  }

  /** The template of an id, unless it was forgotten. Looks at all of them: for what comes seldom. */
  templateOf(id: string): string | undefined {
    return this.drain.clusters().find(cluster => cluster.id === id)?.template
  }

  /** The template a token stands for; the vocabulary's own key where no template is known. Undefined for specials. */
  template(token: number): string | undefined {
    return this.#clusters[token]?.template ?? this.vocabulary.key(token)
  }
}
