import { LineUnits } from '../line-units.js'

/** Units of a line that are looked at for a header. */
const MAX_HEADER = 2_048

/** The beginning of a line, as a string and as units that end in a zero. */
export class HeaderText {
  text = ''
  /** Units looked at: the line's length, or the limit. */
  length = 0
  readonly units: Uint16Array
  readonly #line = new LineUnits(MAX_HEADER)

  constructor() {
    this.units = this.#line.units
  }

  load(text: string): void {
    this.#line.load(text, 0)
    this.text = text
    this.length = this.#line.end
    this.units[this.length] = 0
  }
}
