/** A text, or an integer too long for a number to hold exactly. */
const TEXT_OR_LONG = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g
const HAS_LONG = /\d{16}/
/** Marks integers on their way through the parser. */
const MARK = '\u0000integer '
const MARKED = /^\0integer (-?\d{16,40})$/

/**
 * As JSON.parse, but integers beyond 2^53, such as ids of traces and orders, become `bigint` instead of losing digits.
 *
 * @throws SyntaxError when the text is not JSON
 */
export function parseExactJson(text: string): unknown {
  if (!HAS_LONG.test(text)) return JSON.parse(text)
  const marked = text.replace(TEXT_OR_LONG, part => (part[0] === '"' ? part : `"\\u0000integer ${part}"`))
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? integerOf(value) : value,
  )
}

function integerOf(text: string): bigint | number | string {
  const digits = MARKED.exec(text)?.[1]
  if (digits === undefined) return text
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : BigInt(digits)
}
