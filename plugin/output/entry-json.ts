import { entryEnd, entryKind, entryStart, type PackedEntries, recordStart } from '../chunk.js'
import { RecordTooLargeError } from '../errors.js'
import { decodeRecord } from '../msgpack/decode.js'
import { toJson } from '../msgpack/json.js'

/**
 * Entry `i`, its record as JSON, fields given here before those of the record. Large integers become decimal text, bytes base64.
 *
 * @throws RecordTooLargeError when the record holds more than can be decoded
 */
export function entryJson(entries: PackedEntries, i: number, before?: object): string {
  return refusingHuge(entries, i, () => {
    const record =
      entryKind(entries, i) === 'broken'
        ? {}
        : decodeRecord(entries.buffer, recordStart(entries, i), entryEnd(entries, i))
    return toJson(before === undefined ? record : { ...before, ...record }, 'text')
  })
}

/**
 * Decodes and writes entry `i` in some form. What it holds decides whether that works, so a failure is the same with each further try.
 *
 * @throws RecordTooLargeError when that meets a limit
 */
export function refusingHuge(entries: PackedEntries, i: number, write: () => string): string {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const bytes = entryEnd(entries, i) - entryStart(entries, i)
    throw new RecordTooLargeError(i, bytes, `cannot be made JSON (${error.message})`)
  }
}
