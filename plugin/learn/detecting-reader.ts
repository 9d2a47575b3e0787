import { detectFormat } from '../../drain/header/detect.js'
import { LineReader } from '../line-reader.js'
import type { LineRules } from '../line-rules.js'

/** Lines after which the format is settled. */
const SAMPLE = 200

/** Reads lines of a log whose header nobody named: it looks again whenever the lines seen have doubled. */
export class DetectingLineReader extends LineReader {
  readonly #sample: string[] = []

  constructor(rules: Omit<LineRules, 'format'>) {
    super({ ...rules, format: 'raw' })
  }

  override read(line: string): void {
    if (this.#sample.length < SAMPLE) this.#look(line)
    super.read(line)
  }

  #look(line: string): void {
    const { length } = this.#sample
    this.#sample.push(line)
    const isDoubled = (length & (length + 1)) === 0 || length + 1 === SAMPLE
    if (!isDoubled) return
    const { name } = detectFormat(this.#sample)
    if (name !== this.formatName) this.useFormat(name)
  }
}
