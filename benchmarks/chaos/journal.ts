import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

/** What arrived of one record. */
export interface Arrival {
  readonly number: number
  /** As `verdictCode`. */
  readonly code: number
  readonly score: number
  /** In milliseconds of the monotonic clock, which processes share. */
  readonly atMs: number
}

const ROW_BYTES = 20
const READ_ROWS = 4096

/** The monotonic clock, in milliseconds. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** A receiver's record of what it got, in a file: what is written survives the death of the process. */
export class JournalWriter {
  readonly #file: number
  #rows = Buffer.allocUnsafe(1024 * ROW_BYTES)
  #length = 0

  /** Goes on with a journal that is there, without a row that was cut off. */
  constructor(path: string) {
    this.#file = openSync(path, 'a')
    const { size } = fstatSync(this.#file)
    ftruncateSync(this.#file, size - (size % ROW_BYTES))
  }

  add({ number, code, score, atMs }: Arrival): void {
    if (this.#length === this.#rows.length) this.#rows = Buffer.concat([this.#rows], 2 * this.#rows.length)
    const at = this.#length
    this.#rows.writeUInt32LE(number, at)
    this.#rows.writeUInt32LE(code, at + 4)
    this.#rows.writeFloatLE(score, at + 8)
    this.#rows.writeDoubleLE(atMs, at + 12)
    this.#length += ROW_BYTES
  }

  /** Hands what was added to the operating system. */
  flush(): void {
    for (let at = 0; at < this.#length; ) at += writeSync(this.#file, this.#rows, at, this.#length - at)
    this.#length = 0
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Reads a journal while it is written. */
export class JournalReader {
  readonly #file: number
  readonly #rows = Buffer.allocUnsafe(READ_ROWS * ROW_BYTES)
  #position = 0

  constructor(path: string) {
    this.#file = openSync(path, 'a+')
  }

  /** Gives every whole row that came since the last call. */
  read(take: (arrival: Arrival) => void): void {
    for (;;) {
      const length = readSync(this.#file, this.#rows, 0, this.#rows.length, this.#position)
      const numRows = Math.floor(length / ROW_BYTES)
      if (numRows === 0) return
      this.#position += numRows * ROW_BYTES
      for (let i = 0; i < numRows; i++) take(this.#row(i * ROW_BYTES))
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  #row(at: number): Arrival {
    return {
      number: this.#rows.readUInt32LE(at),
      code: this.#rows.readUInt32LE(at + 4),
      score: this.#rows.readFloatLE(at + 8),
      atMs: this.#rows.readDoubleLE(at + 12),
    }
  }
}
