import { PackedExt } from './packed-ext.js'
import { MAX_DEPTH } from './scan.js'
import type { PackWriter } from './write.js'

/**
 * Writes any value that JSON could hold, and what `decodeRecord` gives: Buffers as bin, `PackedExt` as it came, bigint
 * as 64-bit integers. Dates and other objects with `toJSON` are written as that says; undefined, functions and symbols
 * are left out of maps and are nil elsewhere.
 *
 * @throws TypeError when the value is nested deeper than readers accept (or holds itself)
 */
export function encodeRecord(writer: PackWriter, value: unknown): void {
  encodeNext(writer, value, 0)
}

function encodeNext(writer: PackWriter, value: unknown, depth: number): void {
  if (typeof value === 'string') writer.str(value)
  else if (typeof value === 'number') writer.number(value)
  else if (typeof value === 'boolean') writer.bool(value)
  else if (typeof value === 'bigint') writer.bigint(value)
  else if (typeof value === 'object' && value !== null) encodeObject(writer, value, depth)
  else writer.nil()
}

function encodeObject(writer: PackWriter, value: object, depth: number): void {
  if (depth >= MAX_DEPTH) throw new TypeError(`a record may nest ${MAX_DEPTH} levels deep at most`)
  if (value instanceof Uint8Array) writer.bin(value)
  else if (value instanceof PackedExt) writer.ext(value.type, value.data)
  else if (Array.isArray(value)) encodeArray(writer, value, depth)
  else if ('toJSON' in value && typeof value.toJSON === 'function') {
    encodeNext(writer, value.toJSON(), depth + 1)
  } else encodeMap(writer, value, depth)
}

function encodeArray(writer: PackWriter, items: readonly unknown[], depth: number): void {
  writer.arrayHeader(items.length)
  for (const item of items) encodeNext(writer, item, depth + 1)
}

function encodeMap(writer: PackWriter, map: object, depth: number): void {
  const fields = Object.entries(map).filter(([, field]) => isData(field))
  writer.mapHeader(fields.length)
  for (const [key, field] of fields) {
    writer.str(key)
    encodeNext(writer, field, depth + 1)
  }
}

const isData = (value: unknown): boolean =>
  value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
