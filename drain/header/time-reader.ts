import { MONTHS, packThree, WEEKDAYS, ZONES } from './time-names.js'
import { isDigit, SPACE, UnitCursor } from './unit-cursor.js'

const DAY_MS = 86_400_000
const HALF_YEAR_MS = 183 * DAY_MS

/**
 * Reads the time stamps of logs at a place in a line, by looking at their shape: ISO 8601 and its kin, `081109
 * 203530`, `2005-06-03-15.42.50.363779`, `17/06/09 20:10:40`, `Jun 14 15:16:01`, `[Sun Dec 04 04:47:44 2005]` without
 * its brackets, `04/Dec/2005:04:47:44 +0000`, `03-17 16:13:38.811`, `20171223-22:15:29:606` and seconds,
 * milliseconds, microseconds or nanoseconds since 1970. Without a zone: UTC.
 *
 * Time stamps without a year get the one that brings them nearest to the time read before; the first one the latest
 * year that does not put it more than a day after the reference time.
 */
export class TimeReader extends UnitCursor {
  /** After a time was read: where it ends. */
  end = 0
  #lastMs: number
  #hasRead = false
  #dayKey = -1
  #dayMs = 0

  constructor(referenceTimeMs: number) {
    super()
    this.#lastMs = referenceTimeMs
  }

  /** Milliseconds since 1970, or NaN when no time stands there. What is read must end in a zero or lie before one. */
  read(units: Uint16Array, at: number): number {
    this.units = units
    this.at = at
    const ms = this.#any()
    this.end = this.at
    if (!Number.isNaN(ms)) {
      this.#lastMs = ms
      this.#hasRead = true
    }
    return ms
  }

  #any(): number {
    const numDigits = this.countDigits()
    if (numDigits === 0) return this.#named()
    if (numDigits === 4) return this.#yearFirst()
    if (numDigits === 2 || numDigits === 1) return this.#shortDate(numDigits)
    if (numDigits === 6) return this.#compact()
    if (numDigits === 8) return this.#eightDigits()
    if (numDigits === 10) return this.#epochSeconds()
    if (numDigits === 13) return this.number(13)
    if (numDigits === 16) return Math.floor(this.number(16) / 1_000)
    return numDigits === 19 ? Math.floor(this.number(19) / 1_000_000) : Number.NaN
  }

  /** `2015-10-18 18:01:47,978`, `2005-06-03-15.42.50.363779`, `2005.06.03`. */
  #yearFirst(): number {
    const year = this.number(4)
    const separator = this.units[this.at]!
    if (separator !== DASH && separator !== SLASH && separator !== DOT) return Number.NaN
    this.at++
    const month = this.number(2)
    if (!this.take(separator)) return Number.NaN
    const day = this.number(2)
    return this.#withClock(this.#day(year, month, day))
  }

  /** `17/06/09 20:10:40`, `04/Dec/2005:04:47:44 +0000`, `03-17 16:13:38.811`, `10.30 16:49:06`. */
  #shortDate(numDigits: number): number {
    const first = this.number(numDigits)
    const separator = this.units[this.at++]!
    if (separator === SLASH && !isDigit(this.units[this.at]!)) return this.#commonLog(first)
    const second = this.number(2)
    if (separator === SLASH && this.take(SLASH)) {
      return this.#withClock(this.#day(fullYear(first), second, this.number(2)))
    }
    if ((separator !== DASH && separator !== DOT) || !this.takeSpaces()) return Number.NaN
    return this.#withoutYear(first, second, this.#clock())
  }

  #commonLog(day: number): number {
    const month = MONTHS.get(this.letters()) ?? 0
    if (!this.take(SLASH)) return Number.NaN
    const dayMs = this.#day(this.number(4), month, day)
    return this.take(COLON) ? this.#zone(dayMs + this.#clock()) : Number.NaN
  }

  /** `081109 203530`. */
  #compact(): number {
    const dayMs = this.#day(fullYear(this.number(2)), this.number(2), this.number(2))
    if (!this.takeSpaces()) return Number.NaN
    return dayMs + timeOfDay(this.number(2), this.number(2), this.number(2))
  }

  /** `20171223-22:15:29:606`, `20171223T221529`. */
  #eightDigits(): number {
    const dayMs = this.#day(this.number(4), this.number(2), this.number(2))
    const isBasic = this.take(UPPER_T)
    if (!isBasic && !this.take(DASH) && !this.takeSpaces()) return Number.NaN
    if (!isBasic || this.units[this.at + 2]! === COLON) return this.#zone(dayMs + this.#clock())
    return this.#zone(dayMs + timeOfDay(this.number(2), this.number(2), this.number(2)) + this.#fraction())
  }

  #epochSeconds(): number {
    const seconds = this.number(10)
    return seconds * 1_000 + this.#fraction()
  }

  /** `Jun 14 15:16:01`, `Sun Dec 04 04:47:44.123 2005`, `Sun, 04 Dec 2005 04:47:44 GMT`. */
  #named(): number {
    let name = this.letters()
    if (WEEKDAYS.has(name)) {
      this.take(COMMA)
      if (!this.takeSpaces()) return Number.NaN
      if (isDigit(this.units[this.at]!)) return this.#dayMonthYear()
      name = this.letters()
    }
    const month = MONTHS.get(name) ?? 0
    if (month === 0 || !this.takeSpaces()) return Number.NaN
    const numDigits = this.countDigits()
    if (numDigits === 0 || numDigits > 2) return Number.NaN
    const day = this.number(numDigits)
    if (!this.takeSpaces()) return Number.NaN
    return this.#afterMonthDay(month, day)
  }

  #afterMonthDay(month: number, day: number): number {
    if (this.countDigits() === 4) {
      const dayMs = this.#day(this.number(4), month, day)
      return this.takeSpaces() ? this.#zone(dayMs + this.#clock()) : Number.NaN
    }
    const clock = this.#clock()
    const end = this.at
    if (this.takeSpaces() && this.countDigits() === 4) {
      const year = this.number(4)
      if (year >= 1_970 && year <= 2_200) return this.#day(year, month, day) + clock
    }
    this.at = end
    return this.#withoutYear(month, day, clock)
  }

  #dayMonthYear(): number {
    const day = this.number(this.countDigits())
    this.takeSpaces()
    const month = MONTHS.get(this.letters()) ?? 0
    this.takeSpaces()
    const dayMs = this.#day(this.number(4), month, day)
    return this.takeSpaces() ? this.#zone(dayMs + this.#clock()) : Number.NaN
  }

  /** A clock and zone after a date, or the date alone. */
  #withClock(dayMs: number): number {
    const end = this.at
    const separator = this.units[end]!
    if (separator === UPPER_T || separator === DASH || separator === UNDERSCORE) this.at++
    else if (!this.takeSpaces()) return dayMs
    if (!isDigit(this.units[this.at]!)) {
      this.at = end
      return dayMs
    }
    return this.#zone(dayMs + this.#clock())
  }

  /** `18:01:47,978`, `15.42.50.363779`, `22:15:29:606`. */
  #clock(): number {
    const hour = this.number(2)
    const separator = this.units[this.at]!
    if (separator !== COLON && separator !== DOT) return Number.NaN
    this.at++
    const minute = this.number(2)
    if (!this.take(separator)) return Number.NaN
    return timeOfDay(hour, minute, this.number(2)) + this.#fraction()
  }

  /** Milliseconds of a fraction, if one stands here. */
  #fraction(): number {
    const mark = this.units[this.at]!
    if (mark !== DOT && mark !== COMMA && mark !== COLON) return 0
    if (!isDigit(this.units[this.at + 1]!)) return 0
    this.at++
    let ms = 0
    let weight = 100
    for (let digits = 0; digits < 9; digits++) {
      const digit = this.units[this.at]! - 48
      if (!(digit >= 0 && digit <= 9)) break
      ms += digit * weight
      weight /= 10
      this.at++
    }
    return Math.floor(ms + 1e-6)
  }

  #zone(localMs: number): number {
    const unit = this.units[this.at]!
    if (unit === UPPER_Z) {
      this.at++
      return localMs
    }
    if (unit === PLUS || unit === DASH) return this.#numericZone(localMs, this.at)
    if (unit !== SPACE) return localMs
    const next = this.units[this.at + 1]!
    if (next === PLUS || next === DASH) return this.#numericZone(localMs, this.at + 1)
    return next >= 65 && next <= 90 ? this.#namedZone(localMs) : localMs
  }

  #numericZone(localMs: number, sign: number): number {
    const end = this.at
    this.at = sign + 1
    const hours = this.number(2)
    const hasColon = this.take(COLON)
    const isShort = !hasColon && !isDigit(this.units[this.at]!)
    const minutes = isShort ? 0 : this.number(2)
    if (!(hours <= 15 && minutes < 60) || (isShort && sign > end)) {
      this.at = end
      return localMs
    }
    const offset = (hours * 60 + minutes) * 60_000
    return this.units[sign]! === PLUS ? localMs - offset : localMs + offset
  }

  #namedZone(localMs: number): number {
    const units = this.units
    const start = this.at + 1
    let end = start
    while (end - start < 5 && units[end]! >= 65 && units[end]! <= 90) end++
    const length = end - start
    if (length < 3 || length > 4) return localMs
    let packed = packThree(units[start]! | 32, units[start + 1]! | 32, units[start + 2]! | 32)
    if (length === 4) packed = packed * 128 + (units[start + 3]! | 32)
    const offset = ZONES.get(packed)
    if (offset === undefined) return localMs
    this.at = end
    return localMs - offset
  }

  #withoutYear(month: number, day: number, clock: number): number {
    let year = new Date(this.#lastMs).getUTCFullYear()
    let ms = this.#day(year, month, day) + clock
    if (!this.#hasRead) {
      if (ms > this.#lastMs + DAY_MS) ms = this.#day(--year, month, day) + clock
    } else if (ms < this.#lastMs - HALF_YEAR_MS) ms = this.#day(year + 1, month, day) + clock
    else if (ms > this.#lastMs + HALF_YEAR_MS) ms = this.#day(year - 1, month, day) + clock
    return ms
  }

  /** Milliseconds of the day's start; the last day is remembered, as lines of one day follow each other. */
  #day(year: number, month: number, day: number): number {
    const key = year * 512 + month * 32 + day
    if (key === this.#dayKey) return this.#dayMs
    if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31 && year >= 1_970 && year <= 9_999))
      return Number.NaN
    this.#dayKey = key
    this.#dayMs = Date.UTC(year, month - 1, day)
    return this.#dayMs
  }
}

const PLUS = 0x2b
const COMMA = 0x2c
const DASH = 0x2d
const DOT = 0x2e
const SLASH = 0x2f
const COLON = 0x3a
const UPPER_T = 0x54
const UPPER_Z = 0x5a
const UNDERSCORE = 0x5f

function fullYear(twoDigits: number): number {
  return twoDigits < 70 ? 2_000 + twoDigits : 1_900 + twoDigits
}

function timeOfDay(hour: number, minute: number, second: number): number {
  return hour < 24 && minute < 60 && second <= 60 ? ((hour * 60 + minute) * 60 + second) * 1_000 : Number.NaN
}
