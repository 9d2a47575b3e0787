import type { Message } from 'kafkajs'
import { entryTimeMs, type PackedEntries } from '../chunk.js'
import { RecordTooLargeError } from '../errors.js'
import { entryJson } from './entry-json.js'

/** Messages that fit one batch. */
export interface MessageSlice {
  readonly messages: Message[]
  readonly bytes: number
  /** The entry after its last. */
  readonly next: number
}

/** What a message takes in a batch beside its key, value and tag, in bytes: more than it ever is. */
const MESSAGE_OVERHEAD = 64
/** The library's work on a batch grows with the square of its messages. */
const MAX_MESSAGES = 1000

/**
 * Entries from `from` on as messages: the session is the key, so that its records stay on one partition, the record as JSON is the value, and the
 * tag a header.
 *
 * @throws RecordTooLargeError when an entry alone is larger than a batch, or more than JSON can be made of
 */
export function* kafkaMessages(
  tag: string,
  entries: PackedEntries,
  sessions: readonly (string | undefined)[],
  maxBatchBytes: number,
  from = 0,
): Generator<MessageSlice> {
  const headers = { tag: Buffer.from(tag) }
  let messages: Message[] = []
  let bytes = 0
  for (let i = from; i < entries.count; i++) {
    const message = toMessage(entries, i, sessions[i], headers)
    const size = message.value.length + (message.key?.length ?? 0) + headers.tag.length + MESSAGE_OVERHEAD
    if (size > maxBatchBytes) throw new RecordTooLargeError(i, size, `a batch holds at most ${maxBatchBytes}`)
    if (bytes + size > maxBatchBytes || messages.length === MAX_MESSAGES) {
      yield { messages, bytes, next: i }
      messages = []
      bytes = 0
    }
    messages.push(message)
    bytes += size
  }
  if (messages.length > 0) yield { messages, bytes, next: entries.count }
}

function toMessage(
  entries: PackedEntries,
  i: number,
  session: string | undefined,
  headers: Readonly<Record<string, Buffer>>,
) {
  const timeMs = entryTimeMs(entries, i)
  return {
    key: session === undefined ? null : Buffer.from(session),
    value: Buffer.from(entryJson(entries, i)),
    headers,
    ...(timeMs >= 0 && { timestamp: String(Math.floor(timeMs)) }),
  }
}
