import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { KeySequence, MleResults } from '../../scorer/train/train.js'

/** Keeps what maximum likelihood came to in a folder, so that a run which stopped halfway, or one with other methods, goes on from there. */
export class Checkpoints {
  readonly #hash: string

  constructor(
    readonly folder: string,
    training: readonly KeySequence[],
  ) {
    this.#hash = createHash('sha256').update(JSON.stringify(training)).digest('hex').slice(0, 16)
  }

  /** The results of a seed; empty if there are none. */
  async read(seed: number): Promise<MleResults> {
    try {
      return deserialize(await readFile(this.#path(seed)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async write(seed: number, results: MleResults): Promise<void> {
    await mkdir(this.folder, { recursive: true })
    const kept = results.map(({ parameters, epochs, bestEpoch }) => ({ parameters, epochs, bestEpoch }))
    await writeFile(this.#path(seed), serialize(kept))
  }

  #path(seed: number): string {
    return join(this.folder, `mle-${this.#hash}-${seed}`)
  }
}
