import { HeaderText } from './header-text.js'
import type { HeaderSlots, Layout } from './layout.js'
import type { TimeReader } from './time-reader.js'

/** Names that hold the message, the time and the level, the more usual first. */
const MESSAGE_FIELDS = ['message', 'msg', 'log', 'MESSAGE', 'event', '@message', 'text', 'body']
const TIME_FIELDS = ['time', 'timestamp', '@timestamp', 'ts', 'datetime', '__REALTIME_TIMESTAMP']
const LEVEL_FIELDS = ['level', 'severity', 'lvl', 'loglevel', 'log.level', 'PRIORITY']

/** Levels that bunyan and pino write as numbers. */
const NUMERIC_LEVELS: ReadonlyMap<number, string> = new Map([
  [10, 'trace'],
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
])

/** A JSON object a line. */
export class JsonLayout implements Layout {
  readonly #stamp = new HeaderText()

  constructor(private readonly time: TimeReader) {}

  read(line: HeaderText, slots: HeaderSlots): boolean {
    slots.clear()
    const record = parseRecord(line.text)
    if (record === undefined) return false
    const message = firstOf(record, MESSAGE_FIELDS)
    if (typeof message !== 'string') return false
    slots.record = record
    slots.content = message.endsWith('\n') ? message.slice(0, -1) : message
    slots.contentStart = -1
    slots.level = levelOf(firstOf(record, LEVEL_FIELDS))
    slots.timeMs = this.#timeOf(firstOf(record, TIME_FIELDS))
    return true
  }

  fields(): Record<string, string> {
    return Object.create(null)
  }

  #timeOf(value: unknown): number {
    if (typeof value === 'string') {
      this.#stamp.load(value)
      return this.time.read(this.#stamp.units, 0)
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return Number.NaN
    // Seconds, milliseconds, microseconds and nanoseconds lie three digits apart.
    let ms = value < 1e11 ? value * 1_000 : value
    while (ms >= 1e14) ms /= 1_000
    return Math.floor(ms)
  }
}

/** Longest line that is parsed, in characters: objects take many times the memory of their text. */
const MAX_LENGTH = 1 << 20

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (line.length > MAX_LENGTH || !/^\s{0,16}\{/.test(line)) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function firstOf(record: Record<string, unknown>, names: readonly string[]): unknown {
  for (const name of names) if (Object.hasOwn(record, name)) return record[name]
  return undefined
}

function levelOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.slice(0, 32)
  return typeof value === 'number' ? (NUMERIC_LEVELS.get(value) ?? String(value)) : undefined
}
