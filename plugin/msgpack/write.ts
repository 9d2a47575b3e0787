/** Texts kept encoded by one writer, in each of two generations. */
const MAX_CACHED_TEXTS = 4096
/** Below this many bytes a loop beats a call into the runtime (measured: 125 bytes cost twice as much in a loop). */
const SHORT_COPY = 32

const float64 = new Float64Array(1)
const float64Bytes = new Uint8Array(float64.buffer)
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Writes msgpack into one buffer that grows and is used again. Not for several users at a time. */
export class PackWriter {
  /** Bytes written since the last `reset`. */
  length = 0
  #buffer: Buffer
  #recentTexts = new Map<string, Buffer>()
  #olderTexts = new Map<string, Buffer>()

  readonly #initialBytes: number

  constructor(initialBytes = 64 * 1024) {
    this.#initialBytes = initialBytes
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Forgets what was written. Memory is kept, and halved each time that little of it was used. */
  reset(): void {
    const { length: capacity } = this.#buffer
    if (capacity > this.#initialBytes && this.length < capacity / 8) {
      this.#buffer = Buffer.allocUnsafeSlow(capacity >>> 1)
    }
    this.length = 0
  }

  /** What was written so far, as a window on the writer's memory: valid until the next write or `reset`. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** What was written so far, now the caller's; the writer goes on empty. */
  take(): Buffer {
    let taken = this.view()
    // Little in a large buffer is copied, so that what is kept is not mostly air.
    if (taken.length < this.#buffer.length / 2) taken = Buffer.from(taken)
    else this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length)
    this.reset()
    return taken
  }

  nil(): void {
    this.#byte(0xc0)
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2)
  }

  /** A number: integers up to 2^53 in their shortest form, all others as float 64. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.double(value)
    else if (value < 0) this.#negative(value)
    else this.uint(value)
  }

  /** A whole number from 0 to 2^53 in its shortest form. */
  uint(value: number): void {
    if (value < 0x80) this.#byte(value)
    else if (value < 0x100) this.#sized(0xcc, value, 1)
    else if (value < 0x10000) this.#sized(0xcd, value, 2)
    else if (value < 0x100000000) this.#sized(0xce, value, 4)
    else this.bigint(BigInt(value))
  }

  /** An integer of up to 64 bits; a larger one is written as text, as no reader could take it otherwise. */
  bigint(value: bigint): void {
    if (BigInt.asUintN(64, value) === value) {
      const at = this.#grow(9)
      this.#buffer[at] = 0xcf
      this.#buffer.writeBigUInt64BE(value, at + 1)
    } else if (BigInt.asIntN(64, value) === value) {
      const at = this.#grow(9)
      this.#buffer[at] = 0xd3
      this.#buffer.writeBigInt64BE(value, at + 1)
    } else {
      this.str(value.toString())
    }
  }

  double(value: number): void {
    const at = this.#grow(9)
    const buffer = this.#buffer
    float64[0] = value
    buffer[at] = 0xcb
    for (let i = 0; i < 8; i++) buffer[at + 1 + i] = float64Bytes[isLittleEndian ? 7 - i : i]!
  }

  str(text: string): void {
    const { length } = text
    // Reserve for three bytes a character, guess a header for one, and move the text in the rare case that it was wrong.
    const at = this.#grow(5 + length * 3)
    const header = strHeaderSize(length)
    const bytes =
      length < SHORT_COPY
        ? this.#shortText(text, at + header)
        : this.#buffer.write(text, at + header, length * 3, 'utf8')
    const actual = strHeaderSize(bytes)
    if (actual !== header) this.#buffer.copyWithin(at + actual, at + header, at + header + bytes)
    this.length = at
    this.#strHeader(bytes, actual)
    this.length = at + actual + bytes
  }

  /** As `str`, for texts that come again and again (templates, detector names): encoded once, then copied. */
  strCached(text: string): void {
    let encoded = this.#recentTexts.get(text)
    if (encoded === undefined) {
      encoded = this.#olderTexts.get(text) ?? encodeText(text)
      if (this.#recentTexts.size >= MAX_CACHED_TEXTS) {
        this.#olderTexts = this.#recentTexts
        this.#recentTexts = new Map()
      }
      this.#recentTexts.set(text, encoded)
    }
    this.raw(encoded, 0, encoded.length)
  }

  bin(data: Uint8Array): void {
    this.binHeader(data.length)
    this.raw(data, 0, data.length)
  }

  /** The header of a bin whose `length` bytes follow. */
  binHeader(length: number): void {
    if (length < 0x100) this.#sized(0xc4, length, 1)
    else if (length < 0x10000) this.#sized(0xc5, length, 2)
    else this.#sized(0xc6, length, 4)
  }

  ext(type: number, data: Uint8Array): void {
    const { length } = data
    const fixed = [1, 2, 4, 8, 16].indexOf(length)
    if (fixed >= 0) this.#byte(0xd4 + fixed)
    else if (length < 0x100) this.#sized(0xc7, length, 1)
    else if (length < 0x10000) this.#sized(0xc8, length, 2)
    else this.#sized(0xc9, length, 4)
    this.#byte(type & 0xff)
    this.raw(data, 0, length)
  }

  /** The Forward protocol's EventTime: fixext 8 of type 0. */
  eventTime(seconds: number, nanoseconds: number): void {
    const at = this.#grow(10)
    this.#buffer[at] = 0xd7
    this.#buffer[at + 1] = 0
    this.#buffer.writeUInt32BE(seconds >>> 0, at + 2)
    this.#buffer.writeUInt32BE(nanoseconds >>> 0, at + 6)
  }

  /** EventTime from milliseconds since the epoch; times that it cannot hold are moved to its nearest end. */
  eventTimeMs(milliseconds: number): void {
    const micros = Math.round(Math.min(Math.max(milliseconds, 0), 0xffffffff * 1000) * 1000)
    this.eventTime(Math.floor(micros / 1_000_000), (micros % 1_000_000) * 1000)
  }

  mapHeader(pairs: number): void {
    if (pairs < 16) this.#byte(0x80 | pairs)
    else if (pairs < 0x10000) this.#sized(0xde, pairs, 2)
    else this.#sized(0xdf, pairs, 4)
  }

  arrayHeader(items: number): void {
    if (items < 16) this.#byte(0x90 | items)
    else if (items < 0x10000) this.#sized(0xdc, items, 2)
    else this.#sized(0xdd, items, 4)
  }

  /** The header of an array whose length is not known yet: returns the mark for `patchArray32`. */
  openArray32(): number {
    const mark = this.length
    this.#sized(0xdd, 0, 4)
    return mark
  }

  patchArray32(mark: number, items: number): void {
    this.#buffer.writeUInt32BE(items, mark + 1)
  }

  /** Bytes `[start, end)` of `source`, which are msgpack already. */
  raw(source: Uint8Array, start: number, end: number): void {
    const at = this.#grow(end - start)
    const buffer = this.#buffer
    if (end - start < SHORT_COPY) for (let i = start; i < end; i++) buffer[at + i - start] = source[i]!
    else if (end - start === source.length) buffer.set(source, at)
    // A plain window costs half of what a Buffer's own does.
    else buffer.set(new Uint8Array(source.buffer, source.byteOffset + start, end - start), at)
  }

  #byte(value: number): void {
    const at = this.#grow(1)
    this.#buffer[at] = value
  }

  #sized(marker: number, value: number, bytes: 1 | 2 | 4): void {
    const at = this.#grow(1 + bytes)
    this.#buffer[at] = marker
    for (let i = bytes, rest = value; i > 0; i--, rest >>>= 8) this.#buffer[at + i] = rest & 0xff
  }

  #negative(value: number): void {
    if (value >= -32) this.#byte(value & 0xff)
    else if (value >= -0x80) this.#sized(0xd0, value, 1)
    else if (value >= -0x8000) this.#sized(0xd1, value, 2)
    else if (value >= -0x80000000) this.#sized(0xd2, value, 4)
    else this.bigint(BigInt(value))
  }

  #strHeader(bytes: number, size: number): void {
    if (size === 1) this.#byte(0xa0 | bytes)
    else if (size === 2) this.#sized(0xd9, bytes, 1)
    else if (size === 3) this.#sized(0xda, bytes, 2)
    else this.#sized(0xdb, bytes, 4)
  }

  #shortText(text: string, at: number): number {
    const buffer = this.#buffer
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) return buffer.write(text, at, text.length * 3, 'utf8')
      buffer[at + i] = code
    }
    return text.length
  }

  /** Makes room for `bytes` more, counts them as written and returns where they go. */
  #grow(bytes: number): number {
    const at = this.length
    if (at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, at + bytes))
      grown.set(this.#buffer.subarray(0, at))
      this.#buffer = grown
    }
    this.length = at + bytes
    return at
  }
}

const strHeaderSize = (bytes: number): number =>
  bytes < 32 ? 1 : bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5

/** `text` as a msgpack str, in memory of its own. */
export function encodeText(text: string): Buffer {
  const writer = new PackWriter(text.length * 3 + 5)
  writer.str(text)
  return Buffer.from(writer.view())
}
