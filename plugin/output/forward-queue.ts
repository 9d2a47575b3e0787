import { Fifo } from '../fifo.js'

/** A frame that is accepted and not delivered yet. */
export interface QueuedFrame {
  readonly chunkId: string
  readonly pieces: readonly Buffer[]
  readonly bytes: number
  delivered(): void
  lost(error: Error): void
}

/** Frames in the order of `send`: first those on their way, then those still to be sent. */
export class FrameQueue {
  readonly #inFlight = new Map<string, QueuedFrame>()
  readonly #unsent = new Fifo<QueuedFrame>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get numInFlight(): number {
    return this.#inFlight.size
  }

  get isEmpty(): boolean {
    return this.#inFlight.size === 0 && this.#unsent.length === 0
  }

  add(frame: QueuedFrame): void {
    this.#unsent.push(frame)
    this.#bytes += frame.bytes
  }

  /** The next frame to be sent, from now on in flight. */
  take(): QueuedFrame | undefined {
    const frame = this.#unsent.shift()
    if (frame) this.#inFlight.set(frame.chunkId, frame)
    return frame
  }

  /** Takes a frame in flight out as delivered; nothing happens for ids that are not in flight. */
  deliver(chunkId: string): boolean {
    const frame = this.#inFlight.get(chunkId)
    if (frame === undefined) return false
    this.#inFlight.delete(chunkId)
    this.#bytes -= frame.bytes
    frame.delivered()
    return true
  }

  /** All frames in flight are to be sent again, first of all and in their order. Returns how many there are. */
  rewind(): number {
    const numAgain = this.#inFlight.size
    for (const frame of [...this.#inFlight.values(), ...this.#unsent.drain()]) this.#unsent.push(frame)
    this.#inFlight.clear()
    return numAgain
  }

  /** Gives all frames up and returns how many there were. */
  abandon(error: Error): number {
    this.rewind()
    this.#bytes = 0
    const lost = this.#unsent.drain()
    for (const frame of lost) frame.lost(error)
    return lost.length
  }
}
