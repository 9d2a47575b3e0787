import { randomBytes } from 'node:crypto'

/** Most values that a long text may hold: an empty object takes three characters in it, and some 60 bytes once it is one. */
export const MAX_JSON_VALUES = 4_000_000
/** Texts up to this length cannot hold so many that it matters. */
const SHORT_LENGTH = 1 << 20
const HAS_LONG = /\d{16}/
const LONG_INTEGER = /^-?[1-9]\d{15,39}$/
/** Marks integers on their way through the parser. Nobody outside knows it, so no text of theirs is taken for one. */
const MARK = `integer ${randomBytes(9).toString('base64url')} `

/**
 * As JSON.parse, but integers of up to 40 digits, such as ids of traces and orders, become `bigint` instead of losing digits.
 *
 * @throws SyntaxError when the text is not JSON, or holds more than `MAX_JSON_VALUES` values
 * @throws RangeError when it is nested too deeply
 */
export function parseExactJson(text: string): unknown {
  if (text.length <= SHORT_LENGTH && !HAS_LONG.test(text)) return JSON.parse(text)
  const marked = new IntegerMarker(text).mark()
  if (marked === text) return JSON.parse(text)
  return JSON.parse(marked, revive)
}

function revive(key: string, value: unknown): unknown {
  if (key.startsWith(MARK)) throw new SyntaxError('a key must be a text')
  return typeof value === 'string' && value.startsWith(MARK) ? integerOf(value.slice(MARK.length)) : value
}

function integerOf(digits: string): bigint | number {
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : BigInt(digits)
}

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b

/**
 * One walk over a text that may or may not be JSON: puts long integers into marked texts, and counts values. Its time is linear in the text; a
 * regular expression that knows of escapes would search hostile ones again from each of their characters.
 */
class IntegerMarker {
  #marked = ''
  #copied = 0
  #numValues = 1

  constructor(readonly text: string) {}

  /** @returns the same text where it holds no long integer @throws SyntaxError when it holds too many values */
  mark(): string {
    const { text } = this
    for (let at = 0; at < text.length; ) at = this.#next(at, text.charCodeAt(at))
    return this.#copied === 0 ? text : this.#marked + text.slice(this.#copied)
  }

  #next(at: number, unit: number): number {
    if (unit === QUOTE) return this.#textEnd(at)
    if (unit === MINUS || isDigit(unit)) return this.#number(at)
    const isAnother = unit === COMMA || unit === OPEN_BRACKET || unit === OPEN_BRACE
    if (isAnother && ++this.#numValues > MAX_JSON_VALUES)
      throw new SyntaxError(`it holds more than ${MAX_JSON_VALUES} values`)
    return at + 1
  }

  /** Behind the quote that ends the text at `start`. */
  #textEnd(start: number): number {
    const { text } = this
    for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
      let first = end
      while (text.charCodeAt(first - 1) === BACKSLASH) first--
      if ((end - first) % 2 === 0) return end + 1
    }
    return text.length
  }

  #number(start: number): number {
    const { text } = this
    let end = start + 1
    while (isNumberPart(text.charCodeAt(end))) end++
    const number = text.slice(start, end)
    if (LONG_INTEGER.test(number)) {
      this.#marked += `${text.slice(this.#copied, start)}"${MARK}${number}"`
      this.#copied = end
    }
    return end
  }
}

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39
/** Digits, `.`, `+`, `-`, `E` and `e`. */
const isNumberPart = (unit: number): boolean =>
  isDigit(unit) || unit === 0x2e || unit === 0x2b || unit === MINUS || unit === 0x45 || unit === 0x65
