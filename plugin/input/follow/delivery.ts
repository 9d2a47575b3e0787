import { setTimeout as sleep } from 'node:timers/promises'
import type { Chunk, ChunkHandler } from '../../chunk.js'
import { Fifo } from '../../fifo.js'
import type { Position } from './identity.js'

export interface DeliveryOptions {
  /** Chunks on their way at a time. */
  readonly maxChunks: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** Told of the first failure of each chunk. */
  readonly warn: (message: string) => void
}

interface UnderWay {
  readonly position: Position
  readonly done: Promise<void>
  isDone: boolean
}

/** Delivers the chunks of one file, again and again where need be, and tells how far it has got: a position counts only when all before it does. */
export class Delivery {
  readonly #underWay = new Fifo<UnderWay>()
  readonly #stop = new AbortController()

  constructor(
    readonly handler: ChunkHandler,
    readonly options: DeliveryOptions,
    readonly commit: (position: Position) => void,
  ) {}

  /** Sends a chunk on its way. Waits while there are too many. @param position after it */
  async send(chunk: Chunk, position: Position): Promise<void> {
    while (this.#underWay.length >= this.options.maxChunks) await this.#underWay.peek()!.done
    const entry: UnderWay = {
      position,
      isDone: false,
      done: this.#deliver(chunk).then(isDelivered => {
        if (isDelivered) this.#finish(entry)
      }),
    }
    this.#underWay.push(entry)
  }

  /** Notes where a file is begun, after what is under way. */
  note(position: Position): void {
    const entry = { position, isDone: true, done: Promise.resolve() }
    this.#underWay.push(entry)
    this.#finish(entry)
  }

  /** Waits until everything is delivered, at most `timeoutMs`; tries nothing again after that. */
  async close(timeoutMs: number): Promise<void> {
    const all = this.#underWay.drain()
    for (const entry of all) this.#underWay.push(entry)
    const late = new AbortController()
    await Promise.race([
      Promise.all(all.map(({ done }) => done)),
      sleep(timeoutMs, undefined, { signal: late.signal }).catch(() => {}),
    ])
    late.abort()
    this.#stop.abort()
  }

  #finish(entry: UnderWay): void {
    entry.isDone = true
    for (let next = this.#underWay.peek(); next?.isDone; next = this.#underWay.peek()) {
      this.#underWay.shift()
      this.commit(next.position)
    }
  }

  /** @returns false when it was stopped before that */
  async #deliver(chunk: Chunk): Promise<boolean> {
    const { retryMinMs, retryMaxMs, warn } = this.options
    for (let delayMs = retryMinMs; ; delayMs = Math.min(retryMaxMs, delayMs * 2)) {
      try {
        await this.handler(chunk)
        return true
      } catch (error) {
        if (delayMs === retryMinMs)
          warn(
            `${chunk.source}: lines were not accepted, trying again: ${error instanceof Error ? error.message : error}`,
          )
      }
      await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      if (this.#stop.signal.aborted) return false
    }
  }
}
