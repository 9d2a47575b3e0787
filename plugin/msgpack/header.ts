/** Returned where a value is not of the kind asked for, or a field is not there. */
export const NOT_FOUND = -1

/** The big-endian unsigned integers of 16 and 32 bits at `at`. */
export const u16 = (buf: Uint8Array, at: number): number => (buf[at]! << 8) | buf[at + 1]!
export const u32 = (buf: Uint8Array, at: number): number =>
  ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0

/** Number of pairs of the map at `pos`, or `NOT_FOUND` when there is no map. */
export function readMapHeader(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if ((b & 0xf0) === 0x80) return b & 0x0f
  if (b === 0xde) return u16(buf, pos + 1)
  return b === 0xdf ? u32(buf, pos + 1) : NOT_FOUND
}

/** Number of items of the array at `pos`, or `NOT_FOUND` when there is no array. */
export function readArrayHeader(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if ((b & 0xf0) === 0x90) return b & 0x0f
  if (b === 0xdc) return u16(buf, pos + 1)
  return b === 0xdd ? u32(buf, pos + 1) : NOT_FOUND
}

/** Position of the first item or key of the map or array at `pos`. */
export function bodyStart(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if (b < 0xa0) return pos + 1
  return b === 0xdc || b === 0xde ? pos + 3 : pos + 5
}

/** Position of the first byte of the str or bin at `pos`, or `NOT_FOUND` when it is neither. */
export function textStart(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if ((b & 0xe0) === 0xa0) return pos + 1
  if (b === 0xd9 || b === 0xc4) return pos + 2
  if (b === 0xda || b === 0xc5) return pos + 3
  return b === 0xdb || b === 0xc6 ? pos + 5 : NOT_FOUND
}

/** Number of bytes in the str or bin at `pos`; only meaningful where `textStart` found one. */
export function textLength(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if ((b & 0xe0) === 0xa0) return b & 0x1f
  if (b === 0xd9 || b === 0xc4) return buf[pos + 1]!
  return b === 0xda || b === 0xc5 ? u16(buf, pos + 1) : u32(buf, pos + 1)
}

/** The unsigned integer at `pos`, or `NOT_FOUND` when there is none or it is over 2^53. */
export function readUint(buf: Uint8Array, pos: number): number {
  const b = buf[pos]!
  if (b < 0x80) return b
  if (b === 0xcc) return buf[pos + 1]!
  if (b === 0xcd) return u16(buf, pos + 1)
  if (b === 0xce) return u32(buf, pos + 1)
  // Some writers use the signed 64-bit form for every integer.
  if (b !== 0xcf && b !== 0xd3) return NOT_FOUND
  const value = u32(buf, pos + 1) * 0x100000000 + u32(buf, pos + 5)
  return value <= Number.MAX_SAFE_INTEGER ? value : NOT_FOUND
}

/** Whether the str or bin at `pos` holds exactly the bytes of `text`. */
export function textEquals(buf: Uint8Array, pos: number, text: Uint8Array): boolean {
  const start = textStart(buf, pos)
  if (start < 0 || textLength(buf, pos) !== text.length) return false
  for (let i = 0; i < text.length; i++) if (buf[start + i] !== text[i]) return false
  return true
}
