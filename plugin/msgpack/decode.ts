import { bodyStart, readArrayHeader, readMapHeader, textLength, textStart } from './header.js'
import { toJson } from './json.js'
import { PackedExt } from './packed-ext.js'
import { MAX_DEPTH } from './scan.js'

/** Most values that are decoded at once: an empty map takes one byte here, and some 60 once it is an object. */
export const MAX_VALUES = 1_000_000

/** A walk over one value; the position moves on as parts are taken. */
interface Cursor {
  readonly buf: Buffer
  readonly end: number
  pos: number
  /** Values that may still come. */
  left: number
  /** Whether the value is within a key. */
  isKey: boolean
}

/**
 * Decodes the record at `[start, end)`, which must have been scanned before. Keys such as `__proto__` become own
 * properties, extensions `PackedExt`, bin a copied `Buffer`, integers beyond 2^53 `bigint`. Bytes that are not UTF-8
 * become U+FFFD, keys that are lists or maps their JSON, so forward the raw record, not this one, where bytes matter.
 *
 * @throws TypeError when the value is not a map
 * @throws RangeError when the value is cut off, nested too deeply, of more than `MAX_VALUES` values or not msgpack
 */
export function decodeRecord(buf: Buffer, start: number, end: number): Record<string, unknown> {
  if (readMapHeader(buf, start) < 0) throw new TypeError('a record must be a msgpack map')
  return decodeMap({ buf, end, pos: start, left: MAX_VALUES, isKey: false }, 0)
}

/** Decodes any value at `start`; see `decodeRecord`. @param maxValues more are refused */
export function decodeValue(buf: Buffer, start: number, end: number, maxValues = MAX_VALUES): unknown {
  return decodeNext({ buf, end, pos: start, left: maxValues, isKey: false }, 0)
}

function decodeNext(at: Cursor, depth: number): unknown {
  const { buf, pos } = at
  if (pos >= at.end) throw new RangeError('the msgpack value is cut off')
  if (at.left-- === 0) throw new RangeError('it holds too many values')
  const b = buf[pos]!
  if (b < 0x80 || b >= 0xe0) return buf.readInt8(take(at, 1))
  if (b < 0x90 || b === 0xde || b === 0xdf) return decodeMap(at, depth)
  if (b < 0xa0 || b === 0xdc || b === 0xdd) return decodeArray(at, depth)
  if (textStart(buf, pos) >= 0) return decodeText(at, b >= 0xc4 && b <= 0xc6)
  return decodeScalar(at, b)
}

/** Moves over `size` bytes and returns where they start. */
function take(at: Cursor, size: number): number {
  const from = at.pos
  if (from + size > at.end) throw new RangeError('the msgpack value is cut off')
  at.pos = from + size
  return from
}

function enter(at: Cursor, depth: number): void {
  if (depth >= MAX_DEPTH) throw new RangeError(`msgpack nested deeper than ${MAX_DEPTH} levels`)
  take(at, bodyStart(at.buf, at.pos) - at.pos)
}

function decodeMap(at: Cursor, depth: number): Record<string, unknown> {
  const pairs = readMapHeader(at.buf, at.pos)
  enter(at, depth)
  const record: Record<string, unknown> = {}
  for (let i = 0; i < pairs; i++) {
    const key = decodeKey(at, depth + 1)
    const value = decodeNext(at, depth + 1)
    if (key === '__proto__') {
      Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
    } else {
      record[key] = value
    }
  }
  return record
}

/** A key within a key is no text: each level would double the marks that keep the quotes of the one inside apart. */
function decodeKey(at: Cursor, depth: number): string {
  const { isKey } = at
  at.isKey = true
  const key = decodeNext(at, depth)
  at.isKey = isKey
  if (isKey && isStructure(key)) throw new RangeError('a key holds keys that are lists or maps')
  return keyText(key)
}

const isStructure = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Buffer.isBuffer(value)

function keyText(key: unknown): string {
  if (typeof key === 'string') return key
  if (Buffer.isBuffer(key)) return key.toString()
  return typeof key === 'object' && key !== null ? toJson(key) : String(key)
}

function decodeArray(at: Cursor, depth: number): unknown[] {
  const count = readArrayHeader(at.buf, at.pos)
  enter(at, depth)
  const items: unknown[] = []
  for (let i = 0; i < count; i++) items.push(decodeNext(at, depth + 1))
  return items
}

function decodeText(at: Cursor, isBinary: boolean): string | Buffer {
  const length = textLength(at.buf, at.pos)
  take(at, textStart(at.buf, at.pos) - at.pos)
  const from = take(at, length)
  return isBinary ? Buffer.from(at.buf.subarray(from, at.pos)) : at.buf.toString('utf8', from, at.pos)
}

/** Everything after a one-byte marker that is neither a container nor text. */
function decodeScalar(at: Cursor, marker: number): unknown {
  const { buf } = at
  take(at, 1)
  switch (marker) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xca:
      return buf.readFloatBE(take(at, 4))
    case 0xcb:
      return buf.readDoubleBE(take(at, 8))
    case 0xcc:
      return buf.readUInt8(take(at, 1))
    case 0xcd:
      return buf.readUInt16BE(take(at, 2))
    case 0xce:
      return buf.readUInt32BE(take(at, 4))
    case 0xcf:
      return safeInteger(buf.readBigUInt64BE(take(at, 8)))
    case 0xd0:
      return buf.readInt8(take(at, 1))
    case 0xd1:
      return buf.readInt16BE(take(at, 2))
    case 0xd2:
      return buf.readInt32BE(take(at, 4))
    case 0xd3:
      return safeInteger(buf.readBigInt64BE(take(at, 8)))
    case 0xc7:
      return decodeExt(at, buf.readUInt8(take(at, 1)))
    case 0xc8:
      return decodeExt(at, buf.readUInt16BE(take(at, 2)))
    case 0xc9:
      return decodeExt(at, buf.readUInt32BE(take(at, 4)))
    case 0xc1:
      throw new RangeError('0xc1 is not a msgpack value')
    default:
      return decodeExt(at, 1 << (marker - 0xd4))
  }
}

function decodeExt(at: Cursor, size: number): PackedExt {
  const type = at.buf.readInt8(take(at, 1))
  const from = take(at, size)
  return new PackedExt(type, Buffer.from(at.buf.subarray(from, at.pos)))
}

function safeInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
