import { readUint } from './header.js'

/** EventTime comes as fixext 8, or as ext 8 of length 8, both of type 0. Returns where its seconds start, or -1. */
function eventTimeBody(buf: Uint8Array, pos: number): number {
  const b = buf[pos]
  if (b === 0xd7) return buf[pos + 1] === 0 ? pos + 2 : -1
  return b === 0xc7 && buf[pos + 1] === 8 && buf[pos + 2] === 0 ? pos + 3 : -1
}

/** Whether the value at `pos` can be an entry's time: an EventTime, an integer of seconds or a float of seconds. */
export function isTime(buf: Buffer, pos: number): boolean {
  const b = buf[pos]!
  return eventTimeBody(buf, pos) >= 0 || b < 0x80 || b === 0xca || b === 0xcb || (b >= 0xcc && b <= 0xd3)
}

/** Whole seconds of the EventTime at `pos`, or -1 when the time is of another kind. */
export function eventTimeSeconds(buf: Buffer, pos: number): number {
  const body = eventTimeBody(buf, pos)
  return body < 0 ? -1 : buf.readUInt32BE(body)
}

/** The nanoseconds beside the whole seconds of the EventTime at `pos`; 0 when the time is of another kind. */
export function eventTimeNanoseconds(buf: Buffer, pos: number): number {
  const body = eventTimeBody(buf, pos)
  return body < 0 ? 0 : Math.min(buf.readUInt32BE(body + 4), 999_999_999)
}

/** The time at `pos` in milliseconds since the epoch, NaN when it is none. */
export function timeMs(buf: Buffer, pos: number): number {
  const body = eventTimeBody(buf, pos)
  if (body >= 0) return buf.readUInt32BE(body) * 1000 + buf.readUInt32BE(body + 4) / 1e6
  const b = buf[pos]!
  if (b === 0xca) return buf.readFloatBE(pos + 1) * 1000
  if (b === 0xcb) return buf.readDoubleBE(pos + 1) * 1000
  const seconds = readUint(buf, pos)
  return seconds < 0 ? Number.NaN : seconds * 1000
}
