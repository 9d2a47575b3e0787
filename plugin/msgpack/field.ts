import { decodeValue } from './decode.js'
import { bodyStart, NOT_FOUND, readMapHeader, textEquals, textLength, textStart } from './header.js'
import { toJson } from './json.js'
import { skip } from './scan.js'

/** Turns `kubernetes.pod_name`, or a list of keys where a key itself holds a dot, into a path for `findField`. */
export function fieldPath(path: string | readonly string[]): readonly Buffer[] {
  const keys = typeof path === 'string' ? path.split('.') : path
  return keys.map(key => Buffer.from(key))
}

/**
 * Position of the value at `path` in the record at `[start, end)`, or `NOT_FOUND`. Compares raw key bytes and decodes
 * nothing; where a key occurs twice, the first counts. An empty path is the record itself.
 */
export function findField(buf: Uint8Array, start: number, end: number, path: readonly Uint8Array[]): number {
  let pos = start
  for (let i = 0; i < path.length && pos >= 0; i++) pos = findKey(buf, pos, end, path[i]!)
  return pos
}

function findKey(buf: Uint8Array, start: number, end: number, key: Uint8Array): number {
  const pairs = readMapHeader(buf, start)
  let pos = pairs > 0 ? bodyStart(buf, start) : end
  for (let i = 0; i < pairs; i++) {
    const isMatch = textEquals(buf, pos, key)
    pos = skip(buf, pos, end)
    if (pos < 0 || pos >= end) return NOT_FOUND
    if (isMatch) return pos
    pos = skip(buf, pos, end)
    if (pos < 0 || pos >= end) return NOT_FOUND
  }
  return NOT_FOUND
}

/**
 * The value at `start` as text: str and bin as UTF-8 (bytes that are not become U+FFFD), nil as the empty string, numbers and booleans as
 * written in JSON, anything else as JSON; undefined for lists and maps that are longer than any text of them that somebody could want, or that
 * JSON has no form for. `end` is any bound at or after the value's end.
 */
export function readText(buf: Buffer, start: number, end: number): string | undefined {
  const text = textStart(buf, start)
  if (text >= 0) return buf.toString('utf8', text, Math.min(text + textLength(buf, start), end))
  if (skip(buf, start, end) - start > MAX_STRUCTURE_BYTES) return undefined
  try {
    const value = decodeValue(buf, start, end)
    return value === null ? '' : toJson(value)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Lists and maps that are read as text. */
const MAX_STRUCTURE_BYTES = 64 * 1024
