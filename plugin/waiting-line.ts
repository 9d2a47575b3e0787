import { Fifo } from './fifo.js'

interface Waiting {
  readonly bytes: number
  enter(): void
  reject(error: Error): void
}

/** Who waits for room in a queue of bounded size, in the order of their coming. */
export class WaitingLine {
  readonly #waiting = new Fifo<Waiting>()

  /** @param usedBytes what the queue holds; what is larger than the whole of it is let in alone */
  constructor(
    readonly maxBytes: number,
    readonly usedBytes: () => number,
  ) {}

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Resolves to what `take` came to, which takes the room at once or when it is its turn. */
  enter<T>(bytes: number, take: () => T | PromiseLike<T>): Promise<T> {
    if (this.isEmpty && this.#hasRoom(bytes)) return Promise.resolve(take())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, enter: () => resolve(take()), reject })
    })
  }

  /** Lets those in for whom there is room by now. */
  admit(): void {
    for (let next = this.#waiting.peek(); next && this.#hasRoom(next.bytes); next = this.#waiting.peek()) {
      this.#waiting.shift()
      next.enter()
    }
  }

  /** Sends everybody away. */
  reject(error: Error): void {
    for (const waiting of this.#waiting.drain()) waiting.reject(error)
  }

  #hasRoom(bytes: number): boolean {
    const used = this.usedBytes()
    return used === 0 || used + bytes <= this.maxBytes
  }
}
