import type { HeaderText } from './header-text.js'
import type { HeaderSlots, Layout } from './layout.js'
import type { TimeReader } from './time-reader.js'

const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const
const NAMES = ['Host', 'Component', 'Pid', 'MsgId'] as const
const MAX_FIELD = 256
const MAX_STRUCTURED_DATA = 8_192

/** RFC 5424: `<34>1 2003-10-11T22:14:15.003Z host app pid id [data] message`. */
export class Syslog5424Layout implements Layout {
  readonly #starts = new Int32Array(NAMES.length)
  readonly #ends = new Int32Array(NAMES.length)

  constructor(private readonly time: TimeReader) {}

  read(header: HeaderText, slots: HeaderSlots): boolean {
    slots.clear()
    const line = header.text
    const priority = /^<(\d{1,3})>[1-9]\d? /.exec(line.slice(0, 9))
    if (priority === null) return false
    let at = priority[0].length
    let ms = Number.NaN
    if (line.startsWith('- ', at)) at += 2
    else {
      ms = this.time.read(header.units, at)
      if (Number.isNaN(ms) || line.charCodeAt(this.time.end) !== 0x20) return false
      at = this.time.end + 1
    }
    at = this.#readNames(line, at)
    const end = at < 0 ? -1 : skipStructuredData(line, at)
    if (end < 0) return false
    slots.timeMs = ms
    slots.level = SEVERITIES[Number(priority[1]) & 7]
    slots.contentStart = line.charCodeAt(end) === 0xfeff ? end + 1 : end
    return true
  }

  fields(line: string): Record<string, string> {
    const fields: Record<string, string> = Object.create(null)
    for (const [i, name] of NAMES.entries()) {
      const value = line.slice(this.#starts[i], this.#ends[i])
      if (value !== '-') fields[name] = value
    }
    return fields
  }

  #readNames(line: string, from: number): number {
    let at = from
    for (let i = 0; i < NAMES.length; i++) {
      const end = line.indexOf(' ', at)
      if (end <= at || end - at > MAX_FIELD) return -1
      this.#starts[i] = at
      this.#ends[i] = end
      at = end + 1
    }
    return at
  }
}

/** Start of the message behind the structured data, or -1. */
function skipStructuredData(line: string, from: number): number {
  let at = from
  if (line.charCodeAt(at) === 0x2d) at++
  else {
    while (line.charCodeAt(at) === 0x5b) {
      at = elementEnd(line, at)
      if (at < 0) return -1
    }
    if (at === from) return -1
  }
  if (at === line.length) return at
  return line.charCodeAt(at) === 0x20 ? at + 1 : -1
}

/** End of `[id name="value"]`, in whose values `\`, `"` and `]` are escaped. */
function elementEnd(line: string, from: number): number {
  let isQuoted = false
  const limit = Math.min(line.length, from + MAX_STRUCTURED_DATA)
  for (let at = from + 1; at < limit; at++) {
    const unit = line.charCodeAt(at)
    if (isQuoted && unit === 0x5c) at++
    else if (unit === 0x22) isQuoted = !isQuoted
    else if (unit === 0x5d && !isQuoted) return at + 1
  }
  return -1
}
