import type { HeaderText } from './header-text.js'
import { type HeaderSlots, isLevel, type Layout, LevelCache } from './layout.js'
import type { TimeReader } from './time-reader.js'

/** Words or brackets between the time and the level, such as a thread and a logger. */
const MAX_WORDS_BEFORE_LEVEL = 4
const MAX_HEADER = 256
const SPACE = 0x20

/**
 * A time stamp, perhaps a level, then the message: what most programs write without being told. The time may stand in
 * brackets; the level may too, and may follow threads and loggers in brackets or before a dash. The host and tag of a
 * syslog daemon (`host sshd[312]: `) belong to the header, as do a thread and a logger behind the level (`[main]
 * shop.Cart - `).
 */
export class IsoLayout implements Layout {
  readonly #levels = new LevelCache()

  constructor(private readonly time: TimeReader) {}

  read(header: HeaderText, slots: HeaderSlots): boolean {
    slots.clear()
    const line = header.text
    const isBracketed = line.charCodeAt(0) === 0x5b
    const start = isBracketed ? 1 : 0
    if (!isDateLike(line, start)) return false
    const ms = this.time.read(header.units, start)
    let at = this.time.end
    if (Number.isNaN(ms) || at - start < MIN_STAMP) return false
    if (isBracketed && line.charCodeAt(at++) !== 0x5d) return false
    if (at < line.length && !isSeparator(line.charCodeAt(at))) return false
    slots.timeMs = ms
    at = skipSeparators(line, at)
    const level = this.#findLevel(line, at)
    if (level >= 0) {
      const end = wordEnd(line, level)
      slots.level = this.#levels.get(header, level, end)
      at = skipLogger(line, skipSeparators(line, end))
    } else at = skipSyslogTag(line, at)
    slots.contentStart = at
    return true
  }

  fields(): Record<string, string> {
    return Object.create(null)
  }

  /** Start of the level's word, or -1. Beyond the first word only capitals count, and only after names set apart. */
  #findLevel(line: string, from: number): number {
    const limit = Math.min(line.length, from + MAX_HEADER)
    let at = from
    for (let word = 0; word <= MAX_WORDS_BEFORE_LEVEL && at < limit; word++) {
      const isBracketed = line.charCodeAt(at) === 0x5b
      const start = isBracketed ? at + 1 : at
      const end = wordEnd(line, start)
      const text = line.slice(start, end)
      if (isLevel(text) && (word === 0 || text === text.toUpperCase())) return start
      const next = isBracketed ? afterBracket(line, at, limit) : afterDash(line, at, limit)
      if (next < 0) return -1
      at = next
    }
    return -1
  }
}

/** `2024-05-01T10:00` is the least that counts as a time stamp with a date. */
const MIN_STAMP = 16

/** Four digits and a dash or slash. */
function isDateLike(line: string, at: number): boolean {
  for (let i = 0; i < 4; i++) {
    const unit = line.charCodeAt(at + i)
    if (!(unit >= 48 && unit <= 57)) return false
  }
  const separator = line.charCodeAt(at + 4)
  return separator === 0x2d || separator === 0x2f
}

function wordEnd(line: string, start: number): number {
  let at = start
  while (at - start < 16) {
    const letter = line.charCodeAt(at) | 32
    if (!(letter >= 97 && letter <= 122)) break
    at++
  }
  return at
}

/** After a bracketed name and the spaces behind it, or -1. */
function afterBracket(line: string, at: number, limit: number): number {
  const end = line.indexOf('] ', at)
  return end < 0 || end >= limit ? -1 : skipSeparators(line, end + 1)
}

/** After a name that a dash or a bracket sets apart, or -1. */
function afterDash(line: string, at: number, limit: number): number {
  const end = line.indexOf(' ', at)
  if (end < 0 || end >= limit) return -1
  const next = skipSpaces(line, end)
  const isSetApart = line.startsWith('- ', next) || line.charCodeAt(next) === 0x5b
  return isSetApart ? skipSeparators(line, next) : -1
}

function skipSpaces(line: string, from: number): number {
  let at = from
  while (line.charCodeAt(at) === SPACE) at++
  return at
}

function isSeparator(unit: number): boolean {
  return unit === SPACE || unit === 0x09 || unit === 0x3a || unit === 0x5d || unit === 0x7c || unit === 0x2c
}

/** Past spaces, colons, bars, closing brackets and lone dashes. */
function skipSeparators(line: string, from: number): number {
  let at = from
  while (at < line.length) {
    const isLoneDash = line.charCodeAt(at) === 0x2d && line.charCodeAt(at + 1) === SPACE
    if (!isLoneDash && !isSeparator(line.charCodeAt(at))) break
    at++
  }
  return at
}

/** Past `host tag[pid]: `, where that stands. */
function skipSyslogTag(line: string, from: number): number {
  const hostEnd = line.indexOf(' ', from)
  if (hostEnd < 0 || hostEnd - from > MAX_HEADER) return from
  const tag = /^[^\s[\]]{1,64}\[\d{1,10}\]: /.exec(line.slice(hostEnd + 1, hostEnd + 80))
  return tag === null ? from : hostEnd + 1 + tag[0].length
}

/** Past `[thread] some.logger - ` or `some.logger - `, where that stands. */
function skipLogger(line: string, from: number): number {
  const thread = line.charCodeAt(from) === 0x5b ? line.indexOf('] ', from) : -1
  if (thread - from > MAX_HEADER) return from
  const start = thread < 0 ? from : skipSpaces(line, thread + 1)
  const logger = /^[\w$/-]{1,128}(?:\.[\w$/-]{1,128}){1,32} {1,8}- /.exec(
    line.slice(start, start + MAX_HEADER),
  )
  return logger === null ? from : start + logger[0].length
}
