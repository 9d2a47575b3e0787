import { LRUCache } from 'lru-cache'

/** What became of a chunk that was admitted: handled now, or recognised as one seen before. */
export type Admission = 'handled' | 'repeated'

/**
 * Recognises chunks that are sent again, on whatever connection: senders that miss an ack repeat the chunk under its old
 * id. An id counts as seen only when its chunk was handled to the end, so a failed chunk is handled again.
 */
export class ChunkIds {
  readonly #running = new Map<string, Promise<void>>()
  readonly #finished: LRUCache<string, true>

  /** @param max finished ids remembered; the longest unused are forgotten first */
  constructor(max: number) {
    this.#finished = new LRUCache({ max })
  }

  /** Runs `handle` unless this chunk is being handled, then waits for that, or was handled, then does nothing. */
  async admit(tag: string, chunkId: string, handle: () => Promise<void>): Promise<Admission> {
    const key = `${chunkId} ${tag}`
    if (this.#finished.get(key)) return 'repeated'
    const running = this.#running.get(key)
    if (running) {
      await running
      return 'repeated'
    }
    const started = handle()
    this.#running.set(key, started)
    try {
      await started
      this.#finished.set(key, true)
    } finally {
      this.#running.delete(key)
    }
    return 'handled'
  }
}
