import type { Decompress } from 'fzstd'
import { BadFrameError, UnpackedTooLargeError } from '../errors.js'
import { zstdFrames } from './zstd-frames.js'

/** Compressed bytes worked on before others get their turn: the decoder runs on the main thread. */
const SLICE_BYTES = 64 * 1024

/** Windows of this size every decoder should take (RFC 8878), however little is to be unpacked. */
const COMMON_WINDOW_BYTES = 8 * 1024 * 1024

/** Unpacks zstd, up to a limit, with the library `fzstd`, which is loaded with the first such chunk. */
export class Unzstd {
  #last: Promise<unknown> = Promise.resolve()

  /** @param maxBytes largest chunk once unpacked */
  constructor(readonly maxBytes: number) {}

  /**
   * All frames in `packed`, unpacked one after the other. Chunks take turns, so that one at a time needs memory.
   *
   * @throws BadFrameError when they are damaged, cut off or too large
   */
  unpack(packed: Buffer): Promise<Buffer> {
    const unpacked = this.#last.then(() => this.#unpackNow(packed))
    this.#last = unpacked.catch(() => {})
    return unpacked
  }

  async #unpackNow(packed: Buffer): Promise<Buffer> {
    const { Decompress: Decoder } = await import('fzstd')
    const pieces: Buffer[] = []
    let bytes = 0
    const take = (piece: Uint8Array): void => {
      bytes += piece.length
      if (bytes > this.maxBytes) throw new UnpackedTooLargeError(this.maxBytes)
      // The decoder may use its memory again.
      pieces.push(Buffer.from(piece))
    }
    for (const { data, windowBytes } of zstdFrames(packed)) {
      if (windowBytes > Math.max(this.maxBytes, COMMON_WINDOW_BYTES))
        throw new UnpackedTooLargeError(this.maxBytes)
      await feed(new Decoder(take), data)
    }
    return Buffer.concat(pieces, bytes)
  }
}

async function feed(decoder: Decompress, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; at += SLICE_BYTES) {
    if (at > 0) await new Promise(resolve => setImmediate(resolve))
    try {
      decoder.push(data.subarray(at, at + SLICE_BYTES), at + SLICE_BYTES >= data.length)
    } catch (error) {
      if (error instanceof BadFrameError) throw error
      throw new BadFrameError("the chunk's zstd data is damaged", { cause: error })
    }
  }
}
