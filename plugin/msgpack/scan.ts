import { u16, u32 } from './header.js'

/** More bytes are needed to reach the end of the value. */
export const NEED_MORE = -1
/** The byte 0xc1, which no msgpack value starts with. */
export const INVALID = -2
/** Containers nested deeper than the limit. */
export const TOO_DEEP = -3
/** A string or container that alone is longer than the limit. */
export const TOO_LONG = -4

/** How deep containers may nest. Bounds every later walk over a value that was scanned. */
export const MAX_DEPTH = 64

/** Where a scan stands, so that it can go on when more bytes come. Reused by its owner. */
export class ScanState {
  /** First byte that is not yet accounted for. */
  position = 0
  /** Containers open around `position`. */
  depth = 0
  /** Values still to come in the innermost container. */
  left = 1
  readonly open: Float64Array

  /**
   * @param maxLength largest length, in bytes of a string or in items of a container, that is believed
   * @param maxDepth how deep containers may nest
   */
  constructor(
    readonly maxLength = Number.POSITIVE_INFINITY,
    readonly maxDepth = MAX_DEPTH,
  ) {
    this.open = new Float64Array(maxDepth)
  }

  /** Starts over for a value that begins at `position`. */
  begin(position: number): void {
    this.position = position
    this.depth = 0
    this.left = 1
  }
}

/**
 * Moves `state` over as many whole tokens as `buf` holds before `end`. Iterative, so nesting costs no call stack.
 * Returns the position after the value, or `NEED_MORE` (call again with more bytes), `INVALID`, `TOO_DEEP`, `TOO_LONG`.
 */
export function advance(buf: Uint8Array, end: number, state: ScanState): number {
  const { open, maxDepth, maxLength } = state
  let { position: pos, depth, left } = state
  for (;;) {
    while (left === 0) {
      if (depth === 0) return pos
      left = open[--depth]!
    }
    const b = pos < end ? buf[pos]! : 0xc1
    let next = pos + 1
    let children = 0
    if (b < 0x80 || b >= 0xe0) {
      // A small integer: one byte.
    } else if (b < 0x90) {
      children = (b & 0x0f) * 2
    } else if (b < 0xa0) {
      children = b & 0x0f
    } else if (b < 0xc0) {
      next += b & 0x1f
    } else {
      let length = 0
      const room = end - pos
      switch (b) {
        case 0xc0: // nil, false, true
        case 0xc2:
        case 0xc3:
          break
        case 0xc4: // bin 8, str 8
        case 0xd9:
          next = room < 2 ? end + 1 : pos + 2 + (length = buf[pos + 1]!)
          break
        case 0xc5: // bin 16, str 16
        case 0xda:
          next = room < 3 ? end + 1 : pos + 3 + (length = u16(buf, pos + 1))
          break
        case 0xc6: // bin 32, str 32
        case 0xdb:
          next = room < 5 ? end + 1 : pos + 5 + (length = u32(buf, pos + 1))
          break
        case 0xc7: // ext 8, 16, 32
          next = room < 2 ? end + 1 : pos + 3 + (length = buf[pos + 1]!)
          break
        case 0xc8:
          next = room < 3 ? end + 1 : pos + 4 + (length = u16(buf, pos + 1))
          break
        case 0xc9:
          next = room < 5 ? end + 1 : pos + 6 + (length = u32(buf, pos + 1))
          break
        case 0xcc: // integers and floats by width
        case 0xd0:
          next += 1
          break
        case 0xcd:
        case 0xd1:
          next += 2
          break
        case 0xca:
        case 0xce:
        case 0xd2:
          next += 4
          break
        case 0xcb:
        case 0xcf:
        case 0xd3:
          next += 8
          break
        case 0xd4: // fixext 1, 2, 4, 8, 16
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
          next += 1 + (1 << (b - 0xd4))
          break
        case 0xdc: // array 16, array 32, map 16, map 32
          next += 2
          if (next <= end) children = length = u16(buf, pos + 1)
          break
        case 0xdd:
          next += 4
          if (next <= end) children = length = u32(buf, pos + 1)
          break
        case 0xde:
          next += 2
          if (next <= end) children = (length = u16(buf, pos + 1)) * 2
          break
        case 0xdf:
          next += 4
          if (next <= end) children = (length = u32(buf, pos + 1)) * 2
          break
        default:
          if (room > 0) return INVALID
          next = end + 1
      }
      if (length > maxLength) return TOO_LONG
    }
    if (next > end) {
      state.position = pos
      state.depth = depth
      state.left = left
      return NEED_MORE
    }
    pos = next
    left--
    if (children > 0) {
      if (depth === maxDepth) return TOO_DEEP
      open[depth++] = left
      left = children
    }
  }
}

/** Scratch of `skip`, which never runs inside itself. */
const whole = new ScanState()

/**
 * Position after the value that starts at `pos`, or `NEED_MORE`, `INVALID` or `TOO_DEEP`.
 * Looks at no byte at or after `end`.
 */
export function skip(buf: Uint8Array, pos: number, end: number): number {
  const b = buf[pos]!
  // Short strings and small integers make up most of a record: no need to set up a walk.
  if (b < 0x80 || (b >= 0xa0 && b < 0xc0)) {
    const next = b < 0x80 ? pos + 1 : pos + 1 + (b & 0x1f)
    return next <= end ? next : NEED_MORE
  }
  whole.begin(pos)
  return advance(buf, end, whole)
}
