import { fileURLToPath } from 'node:url'
import { readLines } from '../plugin/input/lines.js'
import { LineReader } from '../plugin/line-reader.js'
import type { LineRules } from '../plugin/line-rules.js'
import { encodeRecord } from '../plugin/msgpack/encode.js'
import { PackWriter } from '../plugin/msgpack/write.js'

/** A log to be replayed, and how its sessions are told apart. */
export interface ReplayInput {
  /** File of raw lines, plain or .gz. */
  readonly input: string
  readonly sessionRegex: string
  /** Header format; by default it is recognised. */
  readonly format?: string
}

/** Records that travel together. */
export interface PackedChunk {
  readonly entries: Buffer
  readonly count: number
}

export interface ChunkOptions {
  readonly chunkRecords: number
  readonly maxRecords?: number
  /** Records are numbered from here on. Default 0. */
  readonly firstNumber?: number
}

export const DEFAULT_REPLAY: ReplayInput = {
  input: fileURLToPath(new URL('../../benchmarks/recordings/postgresql.log.gz', import.meta.url)),
  sessionRegex: '\\[\\d+\\] ([0-9a-f]+\\.[0-9a-f]+) ',
  format: 'postgresql',
}

/** Lines as records `{message, number}`, numbered from `firstNumber` on. */
export function packLines(lines: readonly string[], firstNumber: number): PackedChunk {
  const writer = new PackWriter()
  lines.forEach((message, i) => {
    writer.arrayHeader(2)
    writer.eventTimeMs(Date.now())
    encodeRecord(writer, { message, number: firstNumber + i })
  })
  return { entries: writer.take(), count: lines.length }
}

const MAX_REPLAYS = 1000
const PAUSE_MS = 60_000
const ISO_TIME = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{3})?/
const SHORT_TIME = /\d{6} \d{6}/

/**
 * A log that can be replayed as often as wanted, each time as if it went on: three digits more make other sessions of the sessions of the
 * last time, and its times follow theirs.
 */
export class Replay {
  readonly lines: readonly string[]
  readonly #reader: LineReader
  readonly #spanMs: number

  private constructor(lines: readonly string[], rules: LineRules) {
    this.#reader = new LineReader(rules)
    // Lines of no session would pass unscored, and are no events.
    this.lines = lines.filter(line => this.sessionOf(line) !== undefined)
    this.#spanMs = this.#findSpan() + PAUSE_MS
    this.#check()
  }

  static async open({ input, sessionRegex }: ReplayInput, format: string): Promise<Replay> {
    const lines: string[] = []
    for await (const line of readLines([input])) lines.push(line)
    const session = { kind: 'regex', pattern: sessionRegex } as const
    return new Replay(lines, { format, session, idleTimeoutSeconds: 1 })
  }

  get numSessions(): number {
    return new Set(this.lines.map(line => this.sessionOf(line))).size
  }

  /** The lines of the `number`th replay, counted from 0. */
  linesOf(number: number): string[] {
    const suffix = String(number % MAX_REPLAYS).padStart(3, '0')
    const shiftMs = number * this.#spanMs
    return this.lines.map(line => {
      const session = this.sessionOf(line)!
      return shiftTime(line.replaceAll(session, `${session}${suffix}`), shiftMs)
    })
  }

  /** The lines of the `number`th replay as records `{message, number}`. */
  chunksOf(
    number: number,
    { chunkRecords, maxRecords = Number.POSITIVE_INFINITY, firstNumber = 0 }: ChunkOptions,
  ): PackedChunk[] {
    const lines = this.linesOf(number).slice(0, maxRecords)
    const chunks: PackedChunk[] = []
    for (let from = 0; from < lines.length; from += chunkRecords)
      chunks.push(packLines(lines.slice(from, from + chunkRecords), firstNumber + from))
    return chunks
  }

  /** The id of a line's session, undefined where it has none. */
  sessionOf(line: string): string | undefined {
    this.#reader.read(line)
    return this.#reader.session(line, undefined)
  }

  #findSpan(): number {
    let first = Number.POSITIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    for (const line of this.lines) {
      this.#reader.read(line)
      const { timeMs } = this.#reader.slots
      if (timeMs < first) first = timeMs
      if (timeMs > last) last = timeMs
    }
    return Math.max(0, last - first)
  }

  /** The reader must see other sessions and later times, or the figures would be those of something else. */
  #check(): void {
    const line = this.lines[0]
    if (line === undefined) throw new RangeError('no line has a session: check --session-regex')
    const session = this.sessionOf(line)
    const { timeMs } = this.#reader.slots
    const later = this.linesOf(1)[0]!
    if (this.sessionOf(later) !== `${session}001`) {
      throw new RangeError('ids with three digits more must match too: loosen --session-regex')
    }
    const isShifted = Number.isNaN(timeMs) || this.#reader.slots.timeMs === timeMs + this.#spanMs
    if (!isShifted) throw new RangeError(`cannot move the time of a line: ${line.slice(0, 80)}`)
  }
}

/** The line with the first time in it moved: ISO 8601, or `081109 203530`. */
function shiftTime(line: string, shiftMs: number): string {
  const iso = ISO_TIME.exec(line)?.[0]
  if (iso !== undefined) {
    const moved = new Date(Date.parse(`${iso.replace(' ', 'T').replace(',', '.')}Z`) + shiftMs).toISOString()
    const text = moved.replace('T', iso[10]!).replace('.', iso[19] ?? '.')
    return line.replace(iso, text.slice(0, iso.length))
  }
  const short = SHORT_TIME.exec(line)?.[0]
  if (short === undefined) return line
  const at = (i: number): number => Number(short.slice(i, i + 2))
  const moved = new Date(Date.UTC(2000 + at(0), at(2) - 1, at(4), at(7), at(9), at(11)) + shiftMs)
  const digits = moved.toISOString().replaceAll(/\D/g, '')
  return line.replace(short, `${digits.slice(2, 8)} ${digits.slice(8, 14)}`)
}
