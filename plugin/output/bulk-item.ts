import { type Counters, entryEnd, entryKind, type PackedEntries, recordStart, timeStart } from '../chunk.js'
import { FIELD_KEY } from '../encode-verdict.js'
import { fieldPath, findField } from '../msgpack/field.js'
import { NOT_FOUND } from '../msgpack/header.js'
import { toJson } from '../msgpack/json.js'
import { isTextUtf8 } from '../msgpack/utf8.js'
import { SUMMARY_TAG } from '../pipeline.js'
import { RecordIds } from '../record-id.js'
import { type EcsDocument, ecsDocument } from './ecs-document.js'
import { refusingHuge } from './entry-json.js'

/** One document on its way. */
export interface BulkItem {
  /** Action line and document, as the bulk interface takes them. */
  readonly body: Buffer
  /** Which entry of its delivery. */
  readonly entryIndex: number
  readonly delivery: BulkDelivery
}

/** What became of the documents of one `deliver`. */
export interface BulkDelivery {
  left: number
  readonly refused: { readonly entryIndex: number; readonly reason: string }[]
  resolve(): void
  reject(error: Error): void
}

export interface BulkTarget {
  readonly dataStream: string
  /** First part of the ids of these entries. */
  readonly idBase: string
  readonly nowMs: number
}

const VERDICT_PATH = fieldPath(['logneo'])
const REPLACEMENT = '\ufffd'

/**
 * The entries as documents to create; group markers hold no record and are left out. Texts that are not UTF-8 come with U+FFFD for the bytes
 * that are none, and such a document holds the whole record as it was in `logneo.packed`.
 *
 * @throws RecordTooLargeError when a record holds more than can be decoded
 */
export function bulkItems(
  tag: string,
  entries: PackedEntries,
  { dataStream, idBase, nowMs }: BulkTarget,
  delivery: BulkDelivery,
  counters: Counters,
): BulkItem[] {
  const items: BulkItem[] = []
  const ids = new RecordIds(idBase, tag)
  for (let i = 0; i < entries.count; i++) {
    if (entryKind(entries, i) !== 'event') continue
    const id = ids.at(i, content(tag, entries, i))
    const document = refusingHuge(entries, i, () => documentText(tag, entries, i, nowMs, counters))
    const action = `{"create":{"_index":${JSON.stringify(dataStream)},"_id":"${id}"}}`
    items.push({ body: Buffer.from(`${action}\n${document}\n`), entryIndex: i, delivery })
  }
  return items
}

function documentText(
  tag: string,
  entries: PackedEntries,
  i: number,
  nowMs: number,
  counters: Counters,
): string {
  const { buffer } = entries
  const document = ecsDocument(tag, entries, i, nowMs)
  const text = toJson(document)
  if (!text.includes(REPLACEMENT) || isTextUtf8(buffer, recordStart(entries, i), entryEnd(entries, i)))
    return text
  counters.increment('elasticsearch_invalid_utf8_total')
  const packed = buffer.subarray(recordStart(entries, i), entryEnd(entries, i))
  return toJson({ ...document, logneo: { ...(document.logneo as EcsDocument), packed } })
}

/**
 * What tells a record from others at its place: all that the sender sent. A verdict made anew after a crash may differ in its score. A
 * summary is told by what it says, but not by when.
 */
function content(tag: string, entries: PackedEntries, i: number): Uint8Array {
  const { buffer } = entries
  const start = recordStart(entries, i)
  const end = entryEnd(entries, i)
  if (tag === SUMMARY_TAG) return buffer.subarray(start, end)
  const verdict = findField(buffer, start, end, VERDICT_PATH)
  return buffer.subarray(timeStart(entries, i), verdict === NOT_FOUND ? end : verdict - FIELD_KEY.length)
}
