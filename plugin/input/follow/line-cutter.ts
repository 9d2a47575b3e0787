const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Cuts bytes into lines, and keeps what has no end yet. */
export class LineCutter {
  #open: Buffer[] = []
  #numOpenBytes = 0

  /** @param maxLineBytes longer lines are cut into several */
  constructor(readonly maxLineBytes: number) {}

  /** Bytes of the line that has no end yet. */
  get numOpenBytes(): number {
    return this.#numOpenBytes
  }

  /** Calls `onLine` for each line that ends in `data`. `numLeft` are the bytes of `data` after it. */
  cut(data: Buffer, onLine: (line: string, numLeft: number) => void): void {
    let start = 0
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      start = this.#cutLong(data, start, end, onLine)
      this.#keep(data.subarray(start, end))
      onLine(this.#take(), data.length - end - 1)
      start = end + 1
    }
    start = this.#cutLong(data, start, data.length, onLine)
    this.#keep(data.subarray(start))
  }

  /** Cuts off what is beyond the longest line. @returns where the rest begins */
  #cutLong(data: Buffer, from: number, end: number, onLine: (line: string, numLeft: number) => void): number {
    let start = from
    while (end - start + this.#numOpenBytes > this.maxLineBytes) {
      const next = start + this.maxLineBytes - this.#numOpenBytes
      this.#keep(data.subarray(start, next))
      onLine(this.#take(), data.length - next)
      start = next
    }
    return start
  }

  /** The line that will get no end any more, if there is one. */
  finish(): string | undefined {
    return this.#numOpenBytes === 0 ? undefined : this.#take()
  }

  #keep(data: Buffer): void {
    if (data.length === 0) return
    this.#open.push(data)
    this.#numOpenBytes += data.length
  }

  #take(): string {
    const bytes = this.#open.length === 1 ? this.#open[0]! : Buffer.concat(this.#open)
    this.#open = []
    this.#numOpenBytes = 0
    return bytes.toString('utf8', 0, bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length)
  }
}
