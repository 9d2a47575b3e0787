import type { Parameter } from '../../drain/parameters.js'

/** Longer texts are free text, which hardly comes twice. */
const MAX_LENGTH = 128
/** Masks of times, which never come back. */
const TIMES: ReadonlySet<string> = new Set(['timestamp', 'date', 'time'])
/** Quotes, brackets and punctuation around a value. */
const AROUND = Uint8Array.from({ length: 128 }, (_, unit) =>
  '"\'`()[]{}<>,;:='.includes(String.fromCharCode(unit)) ? 1 : 0,
)
const NUMBER = /^[-+]?\d{1,30}(?:\.\d{1,30})?$/

/** A parameter as it is compared: without what merely surrounds it, addresses without their port. Undefined where comparing says nothing. */
export function comparable({ value, mask }: Parameter): string | undefined {
  if (value.length > MAX_LENGTH || (mask !== undefined && TIMES.has(mask))) return undefined
  if (mask === 'ip') return hostOf(value)
  let start = 0
  let end = value.length
  while (start < end && AROUND[value.charCodeAt(start)] === 1) start++
  while (end > start && AROUND[value.charCodeAt(end - 1)] === 1) end--
  return value.slice(start, end)
}

/** The number that a text is, NaN where it is none. */
export function numberOf(text: string): number {
  return NUMBER.test(text) ? Number(text) : Number.NaN
}

/** Ports are mostly drawn at random. */
function hostOf(address: string): string {
  const port = address.lastIndexOf(':')
  return address.slice(address.startsWith('/') ? 1 : 0, port < 0 ? undefined : port)
}
