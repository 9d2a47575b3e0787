import { EntryIndex, type PackedEntries } from '../chunk.js'
import { BadFrameError } from '../errors.js'
import { encodeRecord } from '../msgpack/encode.js'
import { PackWriter } from '../msgpack/write.js'
import { parseExactJson } from './exact-json.js'
import { packedEntries } from './forward-frame.js'
import { recordTimeMs } from './record-time.js'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
/** Records made before others get their turn. */
const RECORDS_PER_TURN = 2000

/** How the records of a body are found. */
export type BodyFormat = 'json' | 'lines' | 'msgpack' | 'unknown'

export interface RecordOptions {
  /** Fields that may hold a record's time, the first found counts. */
  readonly timeFields: readonly string[]
  readonly maxRecords: number
  /** Time of records that tell none, in milliseconds. */
  readonly nowMs: number
}

/** The format that a Content-Type names; `unknown` is looked at. */
export function bodyFormat(contentType: string | undefined): BodyFormat {
  const [type = ''] = (contentType ?? '').toLowerCase().split(';', 1)
  if (/msgpack/.test(type)) return 'msgpack'
  if (/ndjson|jsonl|json-?lines|json-seq|^text\//.test(type)) return 'lines'
  return /\bjson$/.test(type.trim()) ? 'json' : 'unknown'
}

/**
 * The records in a body. JSON is an array of them or one of them; lines are records as JSON objects, and any other line is the record `{message:
 * line}`, so that no line is lost for its form; msgpack is entries one after the other.
 *
 * @throws BadFrameError when the body cannot be understood, or holds too many records; then none of them is taken
 */
export async function bodyRecords(
  body: Buffer,
  format: BodyFormat,
  options: RecordOptions,
): Promise<PackedEntries> {
  if (format === 'msgpack') return msgpackRecords(body, options)
  if (format === 'lines') return new RecordWriter(options).lines(body)
  const parsed = parseWhole(body)
  if (parsed.isJson) return new RecordWriter(options).values([parsed.value].flat())
  if (format === 'unknown' || isJsonLines(body)) return new RecordWriter(options).lines(body)
  throw new BadFrameError(`the body is not JSON (${parsed.reason}): send an array of records, or lines`)
}

function msgpackRecords(body: Buffer, { maxRecords }: RecordOptions): PackedEntries {
  const { entries, rest } = packedEntries(body, 0, body.length, maxRecords)
  if (rest === undefined) return entries
  throw new BadFrameError(
    `the body is no msgpack from byte ${body.length - rest.length} on: send [time, record] entries`,
  )
}

type Parsed =
  | { readonly isJson: true; readonly value: unknown }
  | { readonly isJson: false; readonly reason: string }

function parseWhole(body: Buffer): Parsed {
  const first = body.toString('latin1', 0, 64).trimStart()[0]
  // Only arrays and objects: a body of one number or text is a line.
  if (first !== '[' && first !== '{') return { isJson: false, reason: 'it begins with neither [ nor {' }
  try {
    return { isJson: true, value: parseExactJson(body.toString()) }
  } catch (error) {
    return { isJson: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** Whether the first line is a JSON object of its own: senders of lines often call them application/json. */
function isJsonLines(body: Buffer): boolean {
  const end = body.indexOf(NEWLINE)
  const line = body.toString('utf8', 0, end < 0 ? body.length : end)
  return isRecord(parseLine(line))
}

function parseLine(line: string): unknown {
  if (!line.trimStart().startsWith('{')) return undefined
  try {
    return parseExactJson(line)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Writes records as entries, one after the other. */
class RecordWriter {
  readonly #writer = new PackWriter()
  readonly #index = new EntryIndex()

  constructor(readonly options: RecordOptions) {}

  async lines(body: Buffer): Promise<PackedEntries> {
    let start = 0
    while (start < body.length) {
      const newline = body.indexOf(NEWLINE, start)
      const next = newline < 0 ? body.length : newline + 1
      let end = newline < 0 ? body.length : newline
      if (end > start && body[end - 1] === CARRIAGE_RETURN) end--
      // An empty line, as at the end of many bodies, is no record.
      if (end > start) await this.#line(body.toString('utf8', start, end))
      start = next
    }
    return this.#entries()
  }

  async values(values: readonly unknown[]): Promise<PackedEntries> {
    for (const value of values) {
      if (isRecord(value)) await this.#record(value, () => jsonText(value))
      else await this.#record({ message: typeof value === 'string' ? value : jsonText(value) })
    }
    return this.#entries()
  }

  async #line(line: string): Promise<void> {
    const value = parseLine(line)
    if (isRecord(value)) await this.#record(value, () => line)
    else await this.#record({ message: line })
  }

  /** @param plain what is written instead of a record that nests too deeply for readers of msgpack */
  async #record(record: Record<string, unknown>, plain = () => ''): Promise<void> {
    const writer = this.#writer
    const index = this.#index
    if (index.count >= this.options.maxRecords)
      throw new BadFrameError(`the body holds over ${this.options.maxRecords} records: send fewer at a time`)
    const start = writer.length
    writer.arrayHeader(2)
    writer.eventTimeMs(this.#timeMs(record))
    const at = writer.length
    try {
      encodeRecord(writer, record)
    } catch {
      writer.length = at
      encodeRecord(writer, { message: plain() })
    }
    index.addParts(start, start + 1, at, writer.length)
    if (index.count % RECORDS_PER_TURN === 0) await new Promise(resolve => setImmediate(resolve))
  }

  #timeMs(record: Record<string, unknown>): number {
    for (const field of this.options.timeFields) {
      const timeMs = Object.hasOwn(record, field) ? recordTimeMs(record[field]) : Number.NaN
      if (!Number.isNaN(timeMs)) return timeMs
    }
    return this.options.nowMs
  }

  #entries(): PackedEntries {
    return this.#index.entries(this.#writer.take())
  }
}

/** @throws BadFrameError where even that is too much for the stack */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
  } catch {
    throw new BadFrameError('a record nests too deeply: send flatter records')
  }
}
