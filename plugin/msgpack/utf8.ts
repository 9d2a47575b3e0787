import { isUtf8 } from 'node:buffer'
import { bodyStart, readArrayHeader, readMapHeader, textLength, textStart } from './header.js'
import { skip } from './scan.js'

/** Whether every str in the value at `[start, end)` is UTF-8. The value must have been scanned before. */
export function isTextUtf8(buf: Buffer, start: number, end: number): boolean {
  let pos = start
  while (pos < end) {
    const isContainer = readMapHeader(buf, pos) >= 0 || readArrayHeader(buf, pos) >= 0
    if (isContainer) {
      pos = bodyStart(buf, pos)
      continue
    }
    if (isStr(buf[pos]!)) {
      const text = textStart(buf, pos)
      if (!isUtf8(buf.subarray(text, text + textLength(buf, pos)))) return false
    }
    pos = skip(buf, pos, end)
    if (pos < 0) return false
  }
  return true
}

const isStr = (b: number): boolean => (b & 0xe0) === 0xa0 || (b >= 0xd9 && b <= 0xdb)
