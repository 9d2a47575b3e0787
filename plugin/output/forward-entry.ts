import { entryEnd, entryKind, entryStart, type PackedEntries, recordStart, timeStart } from '../chunk.js'
import { bodyStart } from '../msgpack/header.js'
import { skip } from '../msgpack/scan.js'
import { openField } from '../msgpack/splice.js'
import type { PackWriter } from '../msgpack/write.js'

/**
 * Writes entry `i` as a v1 entry, `[time, record]`, with one field set in its record, the value of which the caller writes next, and returns whether
 * it was. Group markers and broken entries are written as they came, and the answer is false.
 *
 * @param key the field's name as a msgpack str (`encodeText`)
 * @param emitMetadata keeps the metadata of `[[time, metadata], record]`; Fluentd and Vector do not take it
 */
export function openEntry(
  writer: PackWriter,
  entries: PackedEntries,
  i: number,
  key: Uint8Array,
  emitMetadata = false,
): boolean {
  const { buffer } = entries
  const end = entryEnd(entries, i)
  if (entryKind(entries, i) !== 'event') {
    writer.raw(buffer, entryStart(entries, i), end)
    return false
  }
  writeTime(writer, entries, i, emitMetadata)
  return openField(writer, buffer, recordStart(entries, i), end, key)
}

/** The array header of an entry and its time, as it came. */
function writeTime(writer: PackWriter, entries: PackedEntries, i: number, emitMetadata: boolean): void {
  const { buffer } = entries
  const time = timeStart(entries, i)
  const record = recordStart(entries, i)
  writer.arrayHeader(2)
  if (emitMetadata) writer.raw(buffer, bodyStart(buffer, entryStart(entries, i)), record)
  else writer.raw(buffer, time, skip(buffer, time, record))
}
