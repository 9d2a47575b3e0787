import { BrokenStreamError } from '../errors.js'
import { advance, INVALID, MAX_DEPTH, NEED_MORE, ScanState, TOO_DEEP } from './scan.js'

const INITIAL_BYTES = 64 * 1024

/**
 * Cuts a byte stream into whole msgpack values without decoding them. Each byte is looked at once however the stream is
 * cut into pieces; a value that arrives in one piece is not even copied.
 */
export class FrameReader {
  readonly #state: ScanState
  /** The beginning of a value that is not complete yet: `#held` bytes of `#store`. */
  #store: Buffer | undefined
  #held = 0

  /** @param maxFrameBytes largest value accepted, in bytes */
  constructor(
    readonly maxFrameBytes: number,
    maxDepth = MAX_DEPTH,
  ) {
    this.#state = new ScanState(maxFrameBytes, maxDepth)
  }

  /** Bytes of memory held for a value that is not complete yet. */
  get heldBytes(): number {
    return this.#store?.length ?? 0
  }

  /** Whether the stream stopped in the middle of a value. */
  get isPartial(): boolean {
    return this.#held > 0
  }

  /** Lets go of a value that will not be completed. */
  drop(): void {
    this.#held = 0
    this.#store = undefined
  }

  /**
   * Takes the next bytes and calls `onFrame` for each value that is now complete, in order. The frames share memory with
   * `data` or with a buffer that this reader has let go of, so they may be kept.
   *
   * @throws BrokenStreamError when what follows is not msgpack or passes a limit; frames before it were given
   */
  push(data: Buffer, onFrame: (frame: Buffer) => void): void {
    const isContinued = this.#held > 0
    const bytes = isContinued ? this.#append(data) : data
    if (!isContinued) this.#state.begin(0)
    let start = 0
    while (start < bytes.length) {
      const end = advance(bytes, bytes.length, this.#state)
      if (end === NEED_MORE) break
      if (end < 0) throw this.#broken(end)
      if (end - start > this.maxFrameBytes) throw this.#tooLarge()
      onFrame(bytes.subarray(start, end))
      start = end
      this.#state.begin(end)
    }
    this.#keep(bytes, start, isContinued)
  }

  /** Keeps what is left from `start` on for the next push. */
  #keep(bytes: Buffer, start: number, isStored: boolean): void {
    const left = bytes.length - start
    if (left > this.maxFrameBytes) throw this.#tooLarge()
    this.#held = left
    if (left === 0) {
      this.#store = undefined
    } else if (!isStored || start > 0) {
      // Frames that were given out live on in the old memory: what is left moves to new memory.
      this.#store = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, left * 2))
      this.#store.set(bytes.subarray(start))
      this.#state.position -= start
    }
  }

  #append(data: Buffer): Buffer {
    const store = this.#store!
    const length = this.#held + data.length
    if (length > store.length) {
      this.#store = Buffer.allocUnsafeSlow(Math.max(store.length * 2, length))
      this.#store.set(store.subarray(0, this.#held))
    }
    this.#store!.set(data, this.#held)
    return this.#store!.subarray(0, length)
  }

  #broken(code: number): BrokenStreamError {
    if (code === TOO_DEEP) {
      const levels = this.#state.maxDepth
      return new BrokenStreamError(
        'too_deep',
        `msgpack nested deeper than ${levels} levels: send flatter records`,
      )
    }
    if (code !== INVALID) return this.#tooLarge()
    return new BrokenStreamError(
      'invalid',
      'the bytes are not msgpack: send the Forward protocol to this port',
    )
  }

  #tooLarge(): BrokenStreamError {
    return new BrokenStreamError(
      'too_large',
      `a frame is over ${this.maxFrameBytes} bytes: send smaller chunks or raise maxFrameBytes`,
    )
  }
}
