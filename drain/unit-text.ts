import { WILDCARD } from './mask.js'

/** The units of `<*>`. */
export const WILDCARD_UNITS = Uint16Array.of(0x3c, 0x2a, 0x3e)

/** Arguments that a call takes on any stack. */
const MAX_ARGUMENTS = 4_096

/** UTF-16 units of a text; those of `<*>` are always WILDCARD_UNITS. */
export function unitsOf(text: string): Uint16Array {
  if (text === WILDCARD) return WILDCARD_UNITS
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
}

/** The text of the units from `start` to `end`. */
export function textOf(units: Uint16Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at += MAX_ARGUMENTS) {
    text += String.fromCharCode(...units.subarray(at, Math.min(at + MAX_ARGUMENTS, end)))
  }
  return text
}
