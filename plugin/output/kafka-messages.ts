import type { Message } from 'kafkajs'
import { entryTimeMs, type PackedEntries } from '../chunk.js'
import { RecordTooLargeError, type RefusedRecord } from '../errors.js'
import { entryJson } from './entry-json.js'
import type { KafkaLimits } from './kafka-limits.js'

/** Messages that fit one batch; none where all that is left is refused. */
export interface MessageSlice {
  readonly messages: Message[]
  readonly bytes: number
  /** The entry after its last. */
  readonly next: number
  /** Entries before `next` that are larger than the topic takes. */
  readonly refused: readonly RefusedRecord[]
}

/** What a message takes in a batch beside its key, value and tag, in bytes: more than it ever is. */
const MESSAGE_OVERHEAD = 64
/** The library's work on a batch grows with the square of its messages. */
const MAX_MESSAGES = 1000

/**
 * Entries from `from` on as messages: the session is the key, so that its records stay on one partition, the record as JSON is the value, and the
 * tag a header.
 */
export function* kafkaMessages(
  tag: string,
  entries: PackedEntries,
  sessions: readonly (string | undefined)[],
  limits: KafkaLimits,
  from = 0,
): Generator<MessageSlice> {
  const headers = { tag: Buffer.from(tag) }
  let messages: Message[] = []
  let bytes = 0
  let refused: RefusedRecord[] = []
  for (let i = from; i < entries.count; i++) {
    const message = toMessage(entries, i, sessions[i], headers)
    if (message instanceof RecordTooLargeError) {
      refused.push({ entryIndex: i, reason: message.message })
      continue
    }
    const size = message.value.length + (message.key?.length ?? 0) + headers.tag.length + MESSAGE_OVERHEAD
    if (size > limits.recordBytes) {
      refused.push({ entryIndex: i, reason: tooLarge(size, limits) })
      continue
    }
    const isFull = bytes + size > limits.batchBytes || messages.length === MAX_MESSAGES
    if (isFull && messages.length > 0) {
      yield { messages, bytes, next: i, refused }
      messages = []
      bytes = 0
      refused = []
    }
    messages.push(message)
    bytes += size
  }
  if (messages.length + refused.length > 0) yield { messages, bytes, next: entries.count, refused }
}

const tooLarge = (bytes: number, { recordBytes }: KafkaLimits): string =>
  `the record has ${bytes} bytes and the topic takes ${recordBytes}: shorten it, or raise max_batch_bytes and the topic's max.message.bytes`

function toMessage(
  entries: PackedEntries,
  i: number,
  session: string | undefined,
  headers: Readonly<Record<string, Buffer>>,
) {
  const value = jsonOf(entries, i)
  if (value instanceof RecordTooLargeError) return value
  const timeMs = entryTimeMs(entries, i)
  return {
    key: session === undefined ? null : Buffer.from(session),
    value,
    headers,
    ...(timeMs >= 0 && { timestamp: String(Math.floor(timeMs)) }),
  }
}

/** The record as JSON, or why it cannot be. */
function jsonOf(entries: PackedEntries, i: number): Buffer | RecordTooLargeError {
  try {
    return Buffer.from(entryJson(entries, i))
  } catch (error) {
    if (error instanceof RecordTooLargeError) return error
    throw error
  }
}
