import type { HeaderText } from './header-text.js'
import { type HeaderSlots, type Layout, LevelCache } from './layout.js'
import type { TimeReader } from './time-reader.js'

const LEVELS = new Set(
  'DEBUG DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5 INFO NOTICE WARNING LOG ERROR FATAL PANIC DETAIL HINT QUERY CONTEXT STATEMENT LOCATION'.split(
    ' ',
  ),
)
const MAX_PREFIX = 512

/**
 * PostgreSQL's server log: any `log_line_prefix` that begins with the time (`%m`, `%t` or `%n`), then the level, a
 * colon and two spaces. The first bracketed text is the field `Id` (`[%p]`, `[%c]`).
 */
export class PostgresLayout implements Layout {
  readonly #levels = new LevelCache()
  #prefixEnd = 0

  constructor(private readonly time: TimeReader) {}

  read(header: HeaderText, slots: HeaderSlots): boolean {
    slots.clear()
    const line = header.text
    const first = line.charCodeAt(0)
    if (!(first >= 48 && first <= 57)) return false
    const ms = this.time.read(header.units, 0)
    if (Number.isNaN(ms) || this.time.end < MIN_STAMP) return false
    const colon = line.indexOf(':  ', this.time.end)
    if (colon < 0 || colon > MAX_PREFIX) return false
    const start = line.lastIndexOf(' ', colon) + 1
    if (!this.#isLevel(header, start, colon)) return false
    slots.timeMs = ms
    slots.level = this.#levels.get(header, start, colon)
    slots.contentStart = colon + 3
    this.#prefixEnd = start
    return true
  }

  fields(line: string): Record<string, string> {
    const fields: Record<string, string> = Object.create(null)
    const prefix = line.slice(0, this.#prefixEnd)
    const open = prefix.indexOf('[')
    const close = prefix.indexOf(']', open)
    if (open >= 0 && close > open) fields.Id = prefix.slice(open + 1, close)
    const at = prefix.lastIndexOf('@')
    if (at > close) {
      fields.User = prefix.slice(prefix.lastIndexOf(' ', at) + 1, at)
      fields.Database = prefix.slice(at + 1).trim()
    }
    return fields
  }

  #isLevel(line: HeaderText, start: number, end: number): boolean {
    return end - start <= 9 && LEVELS.has(this.#levels.get(line, start, end))
  }
}

/** Seconds since 1970 are the shortest time. */
const MIN_STAMP = 10
