import type { ClosedSummary, Judged } from '../engine-parts.js'
import { decodeValue } from '../msgpack/decode.js'
import { encodeRecord } from '../msgpack/encode.js'
import { PackWriter } from '../msgpack/write.js'
import type { SessionSummary, Verdict } from '../verdict.js'
import { Unpacked } from './unpacked.js'

const JUDGED_FORMAT = 1
/** A verdict takes ten, and a chunk may hold a million. */
const MAX_STORED_VALUES = 16_000_000

/** A verdict as nearly all are: scored, no anomaly. */
type Ordinary = Required<Omit<Verdict, 'reasons' | 'message' | 'evidence' | 'expected' | 'store'>>

/**
 * Verdicts and summaries of a chunk as bytes and back, for the case that it is sent again. An ordinary verdict takes some 25 bytes: its texts are
 * those of a table. All others are written out.
 */
export class JudgedCodec {
  readonly #writer = new PackWriter()

  /** The bytes of what was judged. @param positions of the lines, ascending, where they have some */
  encode({ verdicts, summaries }: Judged, positions: readonly number[] = []): Buffer {
    const writer = this.#writer
    const table = new TextTable()
    writer.reset()
    writer.arrayHeader(5)
    writer.uint(JUDGED_FORMAT)
    writer.arrayHeader(verdicts.length)
    for (const verdict of verdicts) {
      if (isOrdinary(verdict)) writeOrdinary(writer, verdict, table)
      else encodeRecord(writer, verdict)
    }
    writer.arrayHeader(summaries.length)
    for (const { after, summary } of summaries) {
      writer.arrayHeader(2)
      writer.uint(after)
      encodeRecord(writer, summary)
    }
    encodeRecord(writer, table.texts)
    writeAscending(writer, positions)
    return Buffer.from(writer.view())
  }

  /** What was encoded. @throws RangeError when the bytes are damaged or of another version */
  decode(bytes: Buffer): Judged & { readonly positions: readonly number[] } {
    const items = new Unpacked(decodeValue(bytes, 0, bytes.length, MAX_STORED_VALUES))
    const format = items.count()
    if (format !== JUDGED_FORMAT)
      throw new RangeError(`stored verdicts have format ${format}, this is ${JUDGED_FORMAT}`)
    const rows = items.list()
    const summaries = items.listOf(list => readSummary(list.list()))
    const texts = items.listOf(list => list.text())
    const verdicts: Verdict[] = []
    while (!rows.isOver) verdicts.push(readVerdict(rows, texts))
    return { verdicts, summaries, positions: readAscending(items.list()) }
  }
}

/** As steps, which are small where numbers are large. */
function writeAscending(writer: PackWriter, numbers: readonly number[]): void {
  writer.arrayHeader(numbers.length)
  let before = 0
  for (const number of numbers) {
    writer.number(number - before)
    before = number
  }
}

function readAscending(items: Unpacked): number[] {
  const numbers: number[] = []
  let before = 0
  while (!items.isOver) {
    before += items.number()
    numbers.push(before)
  }
  return numbers
}

/** Texts, each once, by number. */
class TextTable {
  readonly texts: string[] = []
  readonly #numbers = new Map<string, number>()

  number(text: string): number {
    let number = this.#numbers.get(text)
    if (number === undefined) {
      number = this.texts.push(text) - 1
      this.#numbers.set(text, number)
    }
    return number
  }
}

function isOrdinary(verdict: Verdict): verdict is Ordinary {
  return verdict.status === 'scored' && verdict.anomaly === false && verdict.store === undefined
}

function writeOrdinary(writer: PackWriter, verdict: Ordinary, table: TextTable): void {
  writer.arrayHeader(7)
  writer.number(verdict.score)
  writer.number(verdict.rank)
  writer.number(verdict.surprise)
  writer.uint(table.number(verdict.session))
  writer.uint(table.number(verdict.template))
  writer.uint(table.number(verdict.template_id))
  writer.uint(table.number(verdict.model))
}

function readVerdict(rows: Unpacked, texts: readonly string[]): Verdict {
  if (!rows.isList) return plain(rows.map()) as unknown as Verdict
  const row = rows.list()
  const text = (): string => {
    const found = texts[row.count()]
    if (found === undefined) throw new RangeError('stored verdicts name a text that is not there')
    return found
  }
  const [score, rank, surprise] = [row.number(), row.number(), row.number()]
  return {
    status: 'scored',
    anomaly: false,
    score,
    severity: 'none',
    session: text(),
    template: text(),
    template_id: text(),
    rank,
    surprise,
    model: text(),
  }
}

function readSummary(items: Unpacked): ClosedSummary {
  return { after: items.count(), summary: plain(items.map()) as unknown as SessionSummary }
}

/** A map as it is, if outputs can write all that is in it. @throws RangeError */
function plain(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!isPlain(value)) throw new RangeError('stored verdicts hold something that no verdict does')
  return value
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain)
  if (typeof value === 'object' && value !== null)
    return !Buffer.isBuffer(value) && Object.values(value).every(isPlain)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
