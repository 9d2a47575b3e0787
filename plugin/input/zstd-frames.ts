import { BadFrameError } from '../errors.js'

/** One frame of zstd data. */
export interface ZstdFrame {
  readonly data: Buffer
  /** Memory that the decoder takes for it before it has seen any data: what the frame says of itself. */
  readonly windowBytes: number
}

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a5
/** Block types. */
const RLE = 1
const RESERVED = 3

/**
 * Finds the frames in zstd data (RFC 8878) by their headers, without unpacking them, so that limits hold before memory is taken. Skippable
 * frames are left out.
 *
 * @throws BadFrameError when the data is cut off, needs a dictionary, or is not zstd
 */
export function* zstdFrames(packed: Buffer): Generator<ZstdFrame> {
  let at = 0
  while (at < packed.length) {
    need(packed, at, 8)
    const magic = packed.readUInt32LE(at)
    if (magic >>> 4 === SKIPPABLE) {
      const next = at + 8 + packed.readUInt32LE(at + 4)
      need(packed, at, next - at)
      at = next
      continue
    }
    if (magic !== MAGIC) throw new BadFrameError("the chunk's zstd data is damaged: it has no frame there")
    const { headerBytes, windowBytes, hasChecksum } = readHeader(packed, at)
    const end = blocksEnd(packed, at + headerBytes) + (hasChecksum ? 4 : 0)
    need(packed, at, end - at)
    yield { data: packed.subarray(at, end), windowBytes }
    at = end
  }
}

function readHeader(packed: Buffer, at: number) {
  const flags = packed[at + 4]!
  if ((flags & 3) !== 0)
    throw new BadFrameError("the chunk's zstd data needs a dictionary: compress it without one")
  const isSingleSegment = (flags & 0x20) !== 0
  const sizeBytes = flags >> 6 === 0 ? (isSingleSegment ? 1 : 0) : 1 << (flags >> 6)
  const sizeAt = at + (isSingleSegment ? 5 : 6)
  need(packed, sizeAt, sizeBytes)
  const windowBytes = isSingleSegment ? contentSize(packed, sizeAt, sizeBytes) : windowSize(packed[at + 5]!)
  return { headerBytes: sizeAt + sizeBytes - at, windowBytes, hasChecksum: (flags & 4) !== 0 }
}

function contentSize(packed: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return packed.readUInt32LE(at + 4) * 2 ** 32 + packed.readUInt32LE(at)
  return packed.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0)
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

/** Where the blocks from `start` on end. */
function blocksEnd(packed: Buffer, start: number): number {
  let at = start
  for (;;) {
    need(packed, at, 3)
    const header = packed.readUIntLE(at, 3)
    const type = (header >> 1) & 3
    if (type === RESERVED)
      throw new BadFrameError("the chunk's zstd data is damaged: it has an unknown block")
    at += 3 + (type === RLE ? 1 : header >> 3)
    if ((header & 1) === 1) return at
  }
}

function need(packed: Buffer, at: number, bytes: number): void {
  if (at + bytes > packed.length) throw new BadFrameError("the chunk's zstd data is cut off")
}
