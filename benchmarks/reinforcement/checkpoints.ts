import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { KeySequence, MleResults } from '../../scorer/train/train.js'

/** Keeps what maximum likelihood came to in a folder, so that a run which stopped halfway, or one with other methods, goes on from there. */
export class Checkpoints {
  readonly #hash: string

  /** @param folder where they are kept; without one nothing is */
  constructor(
    readonly folder: string | undefined,
    training: readonly KeySequence[],
  ) {
    this.#hash = createHash('sha256').update(JSON.stringify(training)).digest('hex').slice(0, 16)
  }

  /** The results of a seed; empty if there are none. */
  async read(seed: number): Promise<MleResults> {
    if (this.folder === undefined) return []
    try {
      return deserialize(await readFile(this.#path(this.folder, seed)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async write(seed: number, results: MleResults): Promise<void> {
    if (this.folder === undefined) return
    await mkdir(this.folder, { recursive: true })
    const kept = results.map(({ parameters, epochs, bestEpoch }) => ({ parameters, epochs, bestEpoch }))
    await writeFile(this.#path(this.folder, seed), serialize(kept))
  }

  #path(folder: string, seed: number): string {
    return join(folder, `mle-${this.#hash}-${seed}`)
  }
}
