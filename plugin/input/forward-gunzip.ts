import { gunzip } from 'node:zlib'
import { BadFrameError, UnpackedTooLargeError } from '../errors.js'

/** Chunks unpacked at the same time: bounds the memory that bombs on many connections can take together. */
const MAX_AT_ONCE = 2
const MAX_STEP_BYTES = 256 * 1024
const MIN_STEP_BYTES = 4 * 1024

/** Unpacks gzip off the main thread, a few chunks at a time, each up to a limit. */
export class Gunzip {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** @param maxBytes largest chunk once unpacked */
  constructor(readonly maxBytes: number) {}

  /**
   * All gzip members in `packed`, unpacked one after the other.
   *
   * @throws BadFrameError when they are damaged, cut off or too large
   */
  async unpack(packed: Buffer): Promise<Buffer> {
    if (this.#running >= MAX_AT_ONCE) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await this.#unpackNow(packed)
    } finally {
      // Whoever waits takes over this place.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  #unpackNow(packed: Buffer): Promise<Buffer> {
    const chunkSize = Math.min(Math.max(packed.length * 4, MIN_STEP_BYTES), MAX_STEP_BYTES)
    return new Promise((resolve, reject) => {
      gunzip(packed, { maxOutputLength: this.maxBytes, chunkSize }, (error, unpacked) => {
        if (error) reject(this.#badFrame(error))
        else resolve(unpacked)
      })
    })
  }

  #badFrame(cause: NodeJS.ErrnoException): BadFrameError {
    return cause.code === 'ERR_BUFFER_TOO_LARGE'
      ? new UnpackedTooLargeError(this.maxBytes, { cause })
      : new BadFrameError(`the chunk's gzip data is damaged (${cause.message})`, { cause })
  }
}
