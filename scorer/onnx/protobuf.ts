/** Writes protobuf messages, as much of the format as ONNX models need. */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0

  /** Bytes written so far, as a view of the writer's buffer. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** An int32, int64, uint64, bool or enum field. */
  integer(field: number, value: number | bigint): this {
    this.#varint((field << 3) | 0)
    this.#varint(value)
    return this
  }

  /** A float field (32 bits, little endian). */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5)
    this.#reserve(4)
    this.#length = this.#buffer.writeFloatLE(value, this.#length)
    return this
  }

  /** A string, bytes or embedded message field. */
  bytes(field: number, value: string | Uint8Array | ProtobufWriter): this {
    const source =
      typeof value === 'string'
        ? Buffer.from(value)
        : value instanceof ProtobufWriter
          ? value.finish()
          : value
    this.#varint((field << 3) | 2)
    this.#varint(source.byteLength)
    this.#reserve(source.byteLength)
    this.#buffer.set(source, this.#length)
    this.#length += source.byteLength
    return this
  }

  /** A packed repeated int64 field. */
  packedIntegers(field: number, values: readonly number[]): this {
    const packed = new ProtobufWriter()
    for (const value of values) packed.#varint(value)
    return this.bytes(field, packed)
  }

  #varint(value: number | bigint): void {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      this.#buffer[this.#length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
