import { isUtf8 } from 'node:buffer'
import { EntryIndex, type PackedEntries } from '../chunk.js'
import { encodeRecord } from '../msgpack/encode.js'
import { bodyStart, readMapHeader } from '../msgpack/header.js'
import { skip } from '../msgpack/scan.js'
import type { PackWriter } from '../msgpack/write.js'
import { parseExactJson } from './exact-json.js'

/** What the values of messages are; `auto` looks at each. */
export const KAFKA_VALUE_FORMATS = ['auto', 'json', 'text', 'msgpack'] as const
export type KafkaValueFormat = (typeof KAFKA_VALUE_FORMATS)[number]

/** What of a Kafka message is read. */
export interface KafkaMessage {
  readonly value: Buffer | null
  readonly key?: Buffer | null
  /** Milliseconds since the epoch, in decimal. */
  readonly timestamp: string
}

export interface PackedMessages {
  readonly entries: PackedEntries
  /** Messages whose value is not what it should be; they became `{message: text}`. */
  readonly numMalformed: number
}

const OPEN_BRACE = 0x7b
/** Beyond it an entry's time would be a group marker. */
const MAX_TIME_MS = 0xfffffffe * 1000

/** Turns messages into entries: whatever a value holds, it becomes one record. */
export class KafkaValues {
  readonly #index: EntryIndex
  readonly #bounds: number[] = []
  #numMalformed = 0

  /**
   * @param keyField record field that takes the message's key; undefined: none does
   * @param writer empty
   * @param nowMs time of messages that have none an entry could hold
   */
  constructor(
    private readonly writer: PackWriter,
    private readonly format: KafkaValueFormat,
    private readonly keyField: string | undefined,
    expected: number,
    private readonly nowMs: number,
  ) {
    this.#index = new EntryIndex(expected)
  }

  add({ value, key, timestamp }: KafkaMessage): void {
    const { writer } = this
    this.#bounds.push(writer.length)
    writer.arrayHeader(2)
    const timeMs = Number(timestamp)
    writer.eventTimeMs(timeMs >= 0 && timeMs < MAX_TIME_MS ? timeMs : this.nowMs)
    const keyText = this.keyField === undefined || key == null ? undefined : key.toString()
    if (value === null) this.#malformed({}, keyText)
    else this.#addValue(value, keyText)
  }

  take(): PackedMessages {
    const buffer = this.writer.take()
    this.#bounds.forEach((start, i) => {
      this.#index.add(buffer, start, this.#bounds[i + 1] ?? buffer.length)
    })
    return { entries: this.#index.entries(buffer), numMalformed: this.#numMalformed }
  }

  #addValue(value: Buffer, key: string | undefined): void {
    const { format } = this
    const isAuto = format === 'auto'
    if ((isAuto || format === 'msgpack') && isPackedMap(value)) this.#addPacked(value, key)
    else if (format === 'json' || (isAuto && looksLikeObject(value))) this.#addJson(value, key)
    else if (format === 'msgpack' || !isUtf8(value)) this.#malformed({ message: value.toString() }, key)
    else this.#write({ message: value.toString() }, key)
  }

  #addPacked(value: Buffer, key: string | undefined): void {
    const pairs = readMapHeader(value, 0)
    const { writer } = this
    if (key === undefined) {
      writer.raw(value, 0, value.length)
      return
    }
    writer.mapHeader(pairs + 1)
    writer.raw(value, bodyStart(value, 0), value.length)
    writer.strCached(this.keyField!)
    writer.str(key)
  }

  #addJson(value: Buffer, key: string | undefined): void {
    const text = value.toString()
    const start = this.writer.length
    try {
      const parsed = parseExactJson(text)
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
        this.#write(parsed, key)
        return
      }
    } catch {
      // No JSON, or nested too deeply to be passed on: nothing of it was written.
      this.writer.length = start
    }
    this.#malformed({ message: text }, key)
  }

  #malformed(record: object, key: string | undefined): void {
    this.#numMalformed++
    this.#write(record, key)
  }

  #write(record: object, key: string | undefined): void {
    encodeRecord(this.writer, key === undefined ? record : { ...record, [this.keyField!]: key })
  }
}

/** Whether the value is one whole msgpack map, which no UTF-8 text but for rare ones of two letters is. */
function isPackedMap(value: Buffer): boolean {
  return value.length > 0 && readMapHeader(value, 0) >= 0 && skip(value, 0, value.length) === value.length
}

function looksLikeObject(value: Buffer): boolean {
  let at = 0
  while (at < value.length && isSpace(value[at]!)) at++
  return value[at] === OPEN_BRACE
}

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
