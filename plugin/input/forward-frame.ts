import { EntryIndex, type PackedEntries } from '../chunk.js'
import { BadFrameError } from '../errors.js'
import { findField } from '../msgpack/field.js'
import {
  bodyStart,
  NOT_FOUND,
  readArrayHeader,
  readMapHeader,
  readUint,
  textEquals,
  textLength,
  textStart,
} from '../msgpack/header.js'
import { skip } from '../msgpack/scan.js'
import { isTime } from '../msgpack/time.js'

/** Longest tag and chunk id in bytes: they are kept while a chunk is on its way, and ids long after. */
const MAX_TAG_BYTES = 1024
const MAX_CHUNK_ID_BYTES = 256

const CHUNK = [Buffer.from('chunk')]
const COMPRESSED = [Buffer.from('compressed')]
const SIGNAL = [Buffer.from('fluent_signal')]
const GZIP = Buffer.from('gzip')
const ZSTD = Buffer.from('zstd')
const TEXT = Buffer.from('text')

/** The shapes of a message, named by the Forward protocol's specification. */
export type ForwardMode = 'Message' | 'Forward' | 'PackedForward' | 'CompressedPackedForward'

/** How the entries of a CompressedPackedForward message are compressed. */
export type Compression = 'gzip' | 'zstd'

/** Where the parts of one message are in its frame. */
export interface ForwardFrame {
  readonly frame: Buffer
  readonly mode: ForwardMode
  /** The entries: an array of them, packed bytes, or in Message mode the time followed by the record. */
  readonly bodyStart: number
  readonly bodyEnd: number
  /** Position of the options map, or -1. */
  readonly optionsAt: number
  /** Position of the chunk id's msgpack value, or -1; ids that are empty or over 256 bytes count as none. */
  readonly chunkAt: number
}

/** Entries of a message, how many of them are broken, and the bytes after them that are not msgpack, if there are such. */
export interface FrameEntries {
  readonly entries: PackedEntries
  readonly numBroken: number
  readonly rest?: Buffer
}

/**
 * Finds the parts of a message in `frame`, which is one whole msgpack value.
 *
 * @throws BadFrameError when it is not of any shape of the protocol
 */
export function parseFrame(frame: Buffer): ForwardFrame {
  const count = readArrayHeader(frame, 0)
  if (count < 2 || count > 4) throw new BadFrameError('a message must be an array of 2 to 4 items')
  const tag = bodyStart(frame, 0)
  const second = skip(frame, tag, frame.length)
  const third = skip(frame, second, frame.length)
  const fourth = count > 2 ? skip(frame, third, frame.length) : frame.length
  if (textStart(frame, second) >= 0) {
    return withOptions(frame, 'PackedForward', textStart(frame, second), third, count > 2 ? third : NOT_FOUND)
  }
  if (count > 2 && isMessageTime(frame, second) && readMapHeader(frame, third) >= 0) {
    return withOptions(frame, 'Message', second, fourth, count > 3 ? fourth : NOT_FOUND)
  }
  if (readArrayHeader(frame, second) >= 0) {
    return withOptions(frame, 'Forward', second, third, count > 2 ? third : NOT_FOUND)
  }
  throw new BadFrameError('a message must hold entries, packed entries, or a time and a record')
}

/** A time, or a time with metadata around it: `[time, {}]`. Entries cannot look like that, as their parts are two. */
function isMessageTime(frame: Buffer, at: number): boolean {
  if (readArrayHeader(frame, at) !== 2) return isTime(frame, at)
  const time = bodyStart(frame, at)
  return isTime(frame, time) && readMapHeader(frame, skip(frame, time, frame.length)) >= 0
}

function withOptions(
  frame: Buffer,
  mode: ForwardMode,
  bodyStart: number,
  bodyEnd: number,
  optionsAt: number,
): ForwardFrame {
  const compressed = findOption(frame, optionsAt, COMPRESSED)
  const isPacked = mode === 'PackedForward' && compressed >= 0 && !textEquals(frame, compressed, TEXT)
  const id = findOption(frame, optionsAt, CHUNK)
  const idBytes = id >= 0 && textStart(frame, id) >= 0 ? textLength(frame, id) : 0
  const chunkAt = idBytes > 0 && idBytes <= MAX_CHUNK_ID_BYTES ? id : NOT_FOUND
  return { frame, mode: isPacked ? 'CompressedPackedForward' : mode, bodyStart, bodyEnd, optionsAt, chunkAt }
}

const findOption = (frame: Buffer, optionsAt: number, path: readonly Buffer[]): number =>
  optionsAt < 0 ? NOT_FOUND : findField(frame, optionsAt, frame.length, path)

/**
 * Looks for what speaks against taking a message whose shape is right.
 *
 * @throws BadFrameError when the tag is unfit, or the entries are no logs or compressed in a way not known here
 */
export function checkFrame({ frame, mode, optionsAt }: ForwardFrame): void {
  const tag = bodyStart(frame, 0)
  if (textStart(frame, tag) < 0) throw new BadFrameError('the tag must be a text')
  if (textLength(frame, tag) > MAX_TAG_BYTES) {
    throw new BadFrameError(`the tag is over ${MAX_TAG_BYTES} bytes: send a shorter one`)
  }
  const signal = findOption(frame, optionsAt, SIGNAL)
  if (signal >= 0 && readUint(frame, signal) !== 0) {
    throw new BadFrameError('the chunk holds metrics or traces: route only logs here')
  }
  if (mode === 'CompressedPackedForward' && frameCompression({ frame, optionsAt }) === undefined)
    throw new BadFrameError('the chunk is compressed in a way not known here: set the sender to gzip or zstd')
}

/** How the entries are compressed; nothing when that is not known here. */
export function frameCompression({
  frame,
  optionsAt,
}: Pick<ForwardFrame, 'frame' | 'optionsAt'>): Compression | undefined {
  const at = findOption(frame, optionsAt, COMPRESSED)
  if (textEquals(frame, at, GZIP)) return 'gzip'
  return textEquals(frame, at, ZSTD) ? 'zstd' : undefined
}

/** The tag; bytes that are not UTF-8 become U+FFFD. */
export function frameTag({ frame }: ForwardFrame): string {
  const at = bodyStart(frame, 0)
  const start = textStart(frame, at)
  return frame.toString('utf8', start, start + textLength(frame, at))
}

/** The chunk id, one character a byte, so that different ids stay different. */
export function frameChunkId({ frame, chunkAt }: ForwardFrame): string | undefined {
  if (chunkAt < 0) return undefined
  const start = textStart(frame, chunkAt)
  return frame.toString('latin1', start, start + textLength(frame, chunkAt))
}

/** The ack for the message, `{"ack": chunk}`, or nothing when none is wanted. */
export function frameAck({ frame, chunkAt }: ForwardFrame): Buffer | undefined {
  if (chunkAt < 0) return undefined
  const id = frame.subarray(chunkAt, textStart(frame, chunkAt) + textLength(frame, chunkAt))
  return Buffer.concat([ACK, id])
}

const ACK = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b])

/**
 * The entries of a message in any mode but the compressed one.
 *
 * @throws BadFrameError when there are more than `maxEntries`
 */
export function frameEntries(parsed: ForwardFrame, maxEntries: number): FrameEntries {
  const { frame, mode, bodyStart: start, bodyEnd: end } = parsed
  if (mode === 'Message') return messageEntry(frame.subarray(start, end))
  if (mode === 'Forward') return packedEntries(frame, bodyStart(frame, start), end, maxEntries)
  return packedEntries(frame, start, end, maxEntries)
}

/** The two parts of a message become one entry by the header in front, in a copy: few bytes, and one code for all modes. */
function messageEntry(parts: Buffer): FrameEntries {
  const buffer = Buffer.allocUnsafe(parts.length + 1)
  buffer[0] = 0x92
  buffer.set(parts, 1)
  const index = new EntryIndex(1)
  index.add(buffer, 0, buffer.length)
  return { entries: index.entries(buffer), numBroken: index.numBroken }
}

/**
 * Entries one after the other in `[start, end)` of `buffer`.
 *
 * @throws BadFrameError when there are more than `maxEntries`
 */
export function packedEntries(buffer: Buffer, start: number, end: number, maxEntries: number): FrameEntries {
  const index = new EntryIndex()
  let at = start
  while (at < end) {
    const next = skip(buffer, at, end)
    if (next < 0) break
    if (index.count === maxEntries)
      throw new BadFrameError(`a chunk holds over ${maxEntries} entries: send smaller ones`)
    index.add(buffer, at, next)
    at = next
  }
  const found = { entries: index.entries(buffer), numBroken: index.numBroken }
  return at < end ? { ...found, rest: buffer.subarray(at, end) } : found
}
