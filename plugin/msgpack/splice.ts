import { bodyStart, readMapHeader, textEquals, textLength, textStart } from './header.js'
import { skip } from './scan.js'
import type { PackWriter } from './write.js'

/**
 * Writes the record `[start, end)` of `buf` but for the value of its last field, which the caller writes next: any top-level field of that name is
 * dropped, the rest is copied byte for byte, and the new field's name comes last. Decodes nothing, so bytes that are not UTF-8 stay as they are.
 *
 * @param key the field's name as a msgpack str (`encodeText`)
 * @returns false, with nothing written, when `[start, end)` is not a whole map
 */
export function openField(
  writer: PackWriter,
  buf: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
): boolean {
  const pairs = readMapHeader(buf, start)
  if (pairs < 0) return false
  const name = key.subarray(textStart(key, 0), textStart(key, 0) + textLength(key, 0))
  const body = bodyStart(buf, start)
  const dropped = countField(buf, body, end, pairs, name)
  if (dropped < 0) return false
  writer.mapHeader(pairs - dropped + 1)
  if (dropped === 0) writer.raw(buf, body, end)
  else copyOthers(writer, buf, body, end, pairs, name)
  writer.raw(key, 0, key.length)
  return true
}

/** How many of the pairs bear `name`, or a negative code where the map does not fill `[body, end)` exactly. */
function countField(buf: Uint8Array, body: number, end: number, pairs: number, name: Uint8Array): number {
  let found = 0
  let pos = body
  for (let i = 0; i < pairs; i++) {
    if (textEquals(buf, pos, name)) found++
    const value = skip(buf, pos, end)
    if (value < 0 || value >= end) return -1
    pos = skip(buf, value, end)
    if (pos < 0) return -1
  }
  return pos === end ? found : -1
}

function copyOthers(
  writer: PackWriter,
  buf: Uint8Array,
  body: number,
  end: number,
  pairs: number,
  name: Uint8Array,
): void {
  let pos = body
  for (let i = 0; i < pairs; i++) {
    const next = skip(buf, skip(buf, pos, end), end)
    if (!textEquals(buf, pos, name)) writer.raw(buf, pos, next)
    pos = next
  }
}
