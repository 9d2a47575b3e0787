/** What a worker is busy with, in memory that its supervisor sees even when the worker does not come back. */
export class WatchedInput {
  readonly memory: SharedArrayBuffer
  /** Count of inputs begun, and the length of the last. */
  readonly #numbers: Int32Array
  readonly #bytes: Uint8Array

  constructor(maxBytes: number, memory = new SharedArrayBuffer(8 + maxBytes)) {
    this.memory = memory
    this.#numbers = new Int32Array(memory, 0, 2)
    this.#bytes = new Uint8Array(memory, 8)
  }

  /** How many inputs were begun. */
  get count(): number {
    return Atomics.load(this.#numbers, 0)
  }

  /** The input that was begun last. */
  get current(): Buffer {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#numbers, 1)))
  }

  begin(input: Uint8Array): void {
    this.#bytes.set(input)
    Atomics.store(this.#numbers, 1, input.length)
    Atomics.add(this.#numbers, 0, 1)
  }
}
