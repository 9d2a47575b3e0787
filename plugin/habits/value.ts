/** Longer texts are free text, which hardly comes twice. */
const MAX_LENGTH = 128
/** Masks of times, which never come back. */
const TIMES: ReadonlySet<string> = new Set(['timestamp', 'date', 'time'])
/** Quotes, brackets and punctuation around a value. */
const AROUND = Uint8Array.from({ length: 128 }, (_, unit) =>
  '"\'`()[]{}<>,;:='.includes(String.fromCharCode(unit)) ? 1 : 0,
)
const COLON = 0x3a
const SLASH = 0x2f
const NUMBER = /^[-+]?\d{1,30}(?:\.\d{1,30})?$/

/**
 * What is compared of a parameter that stands in `line[start, end)`: it without what merely surrounds it, addresses without their port. Undefined
 * where comparing says nothing.
 */
export function comparable(
  line: string,
  start: number,
  end: number,
  mask: string | undefined,
): string | undefined {
  if (end - start > MAX_LENGTH || (mask !== undefined && TIMES.has(mask))) return undefined
  if (mask === 'ip') return host(line, start, end)
  let from = start
  let to = end
  while (from < to && AROUND[line.charCodeAt(from)] === 1) from++
  while (to > from && AROUND[line.charCodeAt(to - 1)] === 1) to--
  return line.slice(from, to)
}

/** The number that a text is, NaN where it is none. */
export function numberOf(text: string): number {
  return NUMBER.test(text) ? Number(text) : Number.NaN
}

/** Ports are mostly drawn at random: `:50010` goes, and the slash that Java puts first. */
function host(line: string, start: number, end: number): string {
  let to = end - 1
  while (to > start && isDigit(line.charCodeAt(to))) to--
  const hasPort = line.charCodeAt(to) === COLON
  return line.slice(line.charCodeAt(start) === SLASH ? start + 1 : start, hasPort ? to : end)
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}
