import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { ProtocolError } from './errors.js'
import { type PlainLimits, plainFault } from './plain-scan.js'

/** Bytes of the length before each frame: an unsigned integer, most significant byte first. */
export const LENGTH_BYTES = 4

/** Maps within maps are not of this protocol: a frame is a map of lists of lists. */
const SHAPE: PlainLimits = { maxDepth: 4, maxContainers: 20_000, maxPairs: 32 }

const FLOAT32_ALWAYS = 1
// Surprises and ranks are float32 already: nothing is lost by sending them as such.
const packr = new Packr({ useRecords: false, variableMapSize: true, useFloat32: FLOAT32_ALWAYS })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' })

/** A message as bytes, its length in front. */
export function encodeFrame(message: object): Buffer {
  const frame = packr.pack(message, RESERVE_START_SPACE + LENGTH_BYTES)
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0)
  return frame
}

/** The message in a frame without its length. @throws ProtocolError if it is not plain msgpack */
export function decodeFrame(body: Buffer): unknown {
  const fault = plainFault(body, SHAPE)
  if (fault !== undefined) throw new ProtocolError(`the frame is not a message of this protocol: ${fault}`)
  return unpackr.unpack(body)
}

const MIN_STORE_BYTES = 4096

/** Cuts a byte stream into frames. Memory grows with the bytes that have come, never with the length that a header claims. */
export class FrameReader {
  /** The beginning of a frame that is not complete yet: `#held` bytes of it. */
  #store = Buffer.alloc(0)
  #held = 0

  /** @param maxFrameBytes largest frame accepted, in bytes without its length */
  constructor(readonly maxFrameBytes: number) {}

  /** Whether the stream stopped in the middle of a frame. */
  get isPartial(): boolean {
    return this.#held > 0
  }

  /**
   * Takes the next bytes and gives each frame that is now complete, without its length; a frame is valid until the next is asked for.
   * @throws ProtocolError when a frame is too large
   */
  *push(data: Buffer): Generator<Buffer> {
    const isContinued = this.#held > 0
    const bytes = isContinued ? this.#append(data) : data
    let start = 0
    while (bytes.length - start >= LENGTH_BYTES) {
      const end = start + LENGTH_BYTES + this.#length(bytes, start)
      if (bytes.length < end) break
      yield bytes.subarray(start + LENGTH_BYTES, end)
      start = end
    }
    this.#keep(bytes, start, isContinued)
  }

  #append(data: Buffer): Buffer {
    const length = this.#held + data.length
    if (length > this.#store.length) this.#grow(length)
    this.#store.set(data, this.#held)
    this.#held = length
    return this.#store.subarray(0, length)
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(MIN_STORE_BYTES, 2 * length))
    grown.set(this.#store.subarray(0, this.#held))
    this.#store = grown
  }

  #keep(bytes: Buffer, start: number, isContinued: boolean): void {
    const left = bytes.length - start
    if (left === 0) {
      this.#held = 0
      this.#store = Buffer.alloc(0)
    } else if (isContinued) {
      if (start > 0) this.#store.copyWithin(0, start, bytes.length)
      this.#held = left
    } else {
      this.#append(bytes.subarray(start))
    }
  }

  #length(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at)
    if (length <= this.maxFrameBytes) return length
    throw new ProtocolError(
      `a frame of ${length} bytes is over the limit of ${this.maxFrameBytes}: send fewer events in a request`,
    )
  }
}
