/** Sets of UTF-16 code units as sorted, disjoint, inclusive ranges: [low, high, low, high, ...]. */
export type CharSet = readonly number[]

const MAX_UNIT = 0xffff

export const DIGIT: CharSet = [0x30, 0x39]
export const WORD: CharSet = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
export const SPACE: CharSet = [0x09, 0x0d, 0x20, 0x20]
export const ANY: CharSet = [0, MAX_UNIT]
export const NOT_NEWLINE: CharSet = [0, 9, 11, MAX_UNIT]

/** Sorts and merges ranges. */
export function normalize(ranges: CharSet): CharSet {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i]!, ranges[i + 1]!])
  pairs.sort((a, b) => a[0] - b[0])
  const out: number[] = []
  for (const [low, high] of pairs) {
    if (out.length > 0 && low <= out[out.length - 1]! + 1) {
      out[out.length - 1] = Math.max(out[out.length - 1]!, high)
    } else {
      out.push(low, high)
    }
  }
  return out
}

/** Expects and gives normalized sets. */
export function negate(set: CharSet): CharSet {
  const out: number[] = []
  let next = 0
  for (let i = 0; i < set.length; i += 2) {
    if (set[i]! > next) out.push(next, set[i]! - 1)
    next = set[i + 1]! + 1
  }
  if (next <= MAX_UNIT) out.push(next, MAX_UNIT)
  return out
}

export function contains(set: CharSet, unit: number): boolean {
  for (let i = 0; i < set.length; i += 2) {
    if (unit < set[i]!) return false
    if (unit <= set[i + 1]!) return true
  }
  return false
}

/** Adds the other case of ASCII letters. */
export function foldCase(set: CharSet): CharSet {
  const out = [...set]
  for (let i = 0; i < set.length; i += 2) {
    shiftOverlap(out, set[i]!, set[i + 1]!, 0x41, 32)
    shiftOverlap(out, set[i]!, set[i + 1]!, 0x61, -32)
  }
  return normalize(out)
}

function shiftOverlap(out: number[], low: number, high: number, letterA: number, shift: number): void {
  const from = Math.max(low, letterA)
  const to = Math.min(high, letterA + 25)
  if (from <= to) out.push(from + shift, to + shift)
}

/** Units in the Unicode property that a native `\p{...}` accepts, or undefined when there is no such property. */
export function unicodeProperty(name: string): CharSet | undefined {
  if (!/^[A-Za-z_]{1,40}(=[A-Za-z_]{1,40})?$/.test(name)) return undefined
  let native: RegExp
  try {
    native = new RegExp(`^\\p{${name}}$`, 'u')
  } catch {
    return undefined
  }
  const out: number[] = []
  for (let unit = 0; unit <= MAX_UNIT; unit++)
    if (native.test(String.fromCharCode(unit))) out.push(unit, unit)
  return normalize(out)
}
