import type { Random } from '../../scorer/random.js'

/** Numbers at which readers change their minds. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
/** Mutations of one input: one, and each further one half as likely. */
const MAX_MUTATIONS = 8
const MAX_RANDOM_BYTES = 32
/** One input in so many is made long, as some things take too much time or memory only there; such an input costs as much as thousands. */
const ONE_LONG_IN = 20_000

/** Makes new inputs of old ones, the same for the same seed. */
export class Mutator {
  readonly #random: Random
  readonly #words: readonly Uint8Array[]
  readonly #maxBytes: number

  constructor(random: Random, words: readonly (string | Uint8Array)[], maxBytes: number) {
    this.#random = random
    this.#words = words.map(word => (typeof word === 'string' ? Buffer.from(word) : word))
    this.#maxBytes = maxBytes
  }

  /** @param other is spliced in, now and then */
  mutate(base: Uint8Array, other: Uint8Array): Buffer {
    let bytes: Buffer = Buffer.from(base)
    for (let i = 0; i < MAX_MUTATIONS; i++) {
      bytes = this.#mutateOnce(bytes, other)
      if (this.#random.integer(2) === 0) break
    }
    if (this.#random.integer(ONE_LONG_IN) === 0) bytes = this.#lengthen(bytes)
    return bytes.subarray(0, this.#maxBytes)
  }

  #mutateOnce(bytes: Buffer, other: Uint8Array): Buffer {
    switch (this.#random.integer(10)) {
      case 0:
        return this.#flipBit(bytes)
      case 1:
        return this.#setByte(bytes)
      case 2:
        return this.#setNumber(bytes)
      case 3:
        return bytes.subarray(0, this.#place(bytes))
      case 4:
        return this.#replace(bytes, this.#randomBytes())
      case 5:
        return this.#replace(bytes, this.#slice(bytes))
      case 6:
        return this.#replace(bytes, this.#slice(other))
      case 7:
        return this.#replace(bytes, new Uint8Array(0))
      default:
        return this.#replace(bytes, this.#word())
    }
  }

  #flipBit(bytes: Buffer): Buffer {
    if (bytes.length > 0) bytes[this.#random.integer(bytes.length)]! ^= 1 << this.#random.integer(8)
    return bytes
  }

  #setByte(bytes: Buffer): Buffer {
    if (bytes.length > 0) bytes[this.#random.integer(bytes.length)] = this.#random.integer(256)
    return bytes
  }

  /** Overwrites 1, 2 or 4 bytes with an edge, most significant byte first or last. */
  #setNumber(bytes: Buffer): Buffer {
    const size = 1 << this.#random.integer(3)
    if (bytes.length < size) return bytes
    const value = EDGES[this.#random.integer(EDGES.length)]! % 2 ** (8 * size)
    const at = this.#random.integer(bytes.length - size + 1)
    if (this.#random.integer(2) === 0) bytes.writeUIntBE(value, at, size)
    else bytes.writeUIntLE(value, at, size)
    return bytes
  }

  /** Puts a piece in at some place, instead of what is there, before it, or instead of as much. */
  #replace(bytes: Buffer, piece: Uint8Array): Buffer {
    const at = this.#place(bytes)
    const gone = [0, piece.length, this.#random.integer(16)][this.#random.integer(3)]!
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + gone))])
  }

  /** Repeats a short piece until the input is as long as it may be, or a good part of that. */
  #lengthen(bytes: Buffer): Buffer {
    const at = this.#place(bytes)
    const piece =
      this.#random.integer(2) === 0 ? this.#word() : bytes.subarray(at, at + 1 + this.#random.integer(8))
    if (piece.length === 0) return bytes
    const room = Math.max(0, this.#maxBytes - bytes.length) >> this.#random.integer(6)
    return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(room, piece), bytes.subarray(at)])
  }

  #randomBytes(): Uint8Array {
    const bytes = new Uint8Array(1 + this.#random.integer(MAX_RANDOM_BYTES))
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#random.integer(256)
    return bytes
  }

  #slice(bytes: Uint8Array): Uint8Array {
    const from = this.#random.integer(bytes.length + 1)
    return bytes.slice(from, from + this.#random.integer(bytes.length - from + 1))
  }

  #word(): Uint8Array {
    return this.#words[this.#random.integer(this.#words.length)] ?? this.#randomBytes()
  }

  #place(bytes: Uint8Array): number {
    return this.#random.integer(bytes.length + 1)
  }
}
