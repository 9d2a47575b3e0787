import { entryEnd, entryKind, type PackedEntries, recordStart } from '../chunk.js'
import { decodeRecord, PackedExt } from '../msgpack/decode.js'

/**
 * Entry `i`, its record as JSON, fields given here before those of the record. JSON has neither large integers nor bytes: the former become
 * decimal text, the latter base64.
 */
export function entryJson(entries: PackedEntries, i: number, before?: object): string {
  const record =
    entryKind(entries, i) === 'broken'
      ? {}
      : decodeRecord(entries.buffer, recordStart(entries, i), entryEnd(entries, i))
  return JSON.stringify(before === undefined ? record : { ...before, ...record }, jsonValue)
}

function jsonValue(this: unknown, _: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof PackedExt) return { ext: value.type, data: Buffer.from(value.data).toString('base64') }
  if (isBufferJson(value)) return Buffer.from(value.data).toString('base64')
  return value
}

/** Buffers reach a replacer already turned into `{type: 'Buffer', data}`. */
function isBufferJson(value: unknown): value is { data: number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { type?: unknown }).type === 'Buffer' &&
    Array.isArray((value as { data?: unknown }).data)
  )
}
