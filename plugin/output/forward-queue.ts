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
  #unsent: QueuedFrame[] = []
  /** Frames at the beginning of `#unsent` that were taken; cut off now and then, as a shift for each would be slow. */
  #taken = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get numInFlight(): number {
    return this.#inFlight.size
  }

  get isEmpty(): boolean {
    return this.#inFlight.size === 0 && this.#taken === this.#unsent.length
  }

  add(frame: QueuedFrame): void {
    this.#unsent.push(frame)
    this.#bytes += frame.bytes
  }

  /** The next frame to be sent, from now on in flight. */
  take(): QueuedFrame | undefined {
    const frame = this.#unsent[this.#taken]
    if (frame === undefined) return undefined
    this.#taken++
    if (this.#taken === this.#unsent.length) {
      this.#unsent = []
      this.#taken = 0
    }
    this.#inFlight.set(frame.chunkId, frame)
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
    const again = [...this.#inFlight.values()]
    this.#unsent = [...again, ...this.#unsent.slice(this.#taken)]
    this.#taken = 0
    this.#inFlight.clear()
    return again.length
  }

  /** Gives all frames up and returns how many there were. */
  abandon(error: Error): number {
    this.rewind()
    const lost = this.#unsent
    this.#unsent = []
    this.#bytes = 0
    for (const frame of lost) frame.lost(error)
    return lost.length
  }
}
