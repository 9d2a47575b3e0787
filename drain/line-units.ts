/** A header longer than this is cut off by a slice rather than copied. */
const MAX_START = 1_024

/**
 * UTF-16 units of one line in a typed array. Strings that come from splitting a file are slices of it, and reading
 * those unit by unit costs several times the one copy made here (benchmark `drain`).
 */
export class LineUnits {
  readonly units: Uint16Array
  /** Bounds of the parsed part in `units`. */
  start = 0
  end = 0
  /** Length of the line in units, of which `end` may be the cut. */
  lineEnd = 0
  /** Index in the line of `units[0]`. */
  offset = 0
  readonly #bytes: Buffer

  constructor(private readonly maxLength: number) {
    const memory = new ArrayBuffer((maxLength + MAX_START) * 2)
    this.units = new Uint16Array(memory)
    this.#bytes = Buffer.from(memory)
  }

  /** Copies the line; its text begins at `start`. */
  load(line: string, start: number): void {
    this.offset = start > MAX_START ? start : 0
    const text = start > MAX_START ? line.slice(start) : line
    this.start = start - this.offset
    this.lineEnd = text.length
    this.end = Math.min(text.length, this.start + this.maxLength)
    this.#bytes.write(text, 0, this.end * 2, 'utf16le')
  }
}
