import { readText } from '../msgpack/field.js'
import { bodyStart, readMapHeader, textEquals } from '../msgpack/header.js'
import { skip } from '../msgpack/scan.js'

/** A name looked for in a map: of a field, or of a map with such names in it. */
interface Wanted {
  readonly name: Buffer
  /** Where its text goes; undefined for maps alone. */
  slot: number | undefined
  readonly inside: Wanted[]
}

/** Takes the texts of several fields out of records in one walk over each, where a search for each field would be a walk of its own. */
export class FieldPicker {
  /** Texts found in the record read last, in the order of the paths. */
  readonly texts: (string | undefined)[]
  readonly #wanted: Wanted[] = []

  /** @param paths dotted paths */
  constructor(paths: readonly string[]) {
    this.texts = new Array(paths.length).fill(undefined)
    paths.forEach((path, slot) => {
      let level = this.#wanted
      let wanted: Wanted | undefined
      for (const name of path.split('.')) {
        wanted = level.find(other => other.name.equals(Buffer.from(name)))
        if (wanted === undefined) {
          wanted = { name: Buffer.from(name), slot: undefined, inside: [] }
          level.push(wanted)
        }
        level = wanted.inside
      }
      wanted!.slot = slot
    })
  }

  /** Reads the record at `[start, end)`, which is whole msgpack, into `texts`. Where a name occurs twice, the first counts. */
  read(buffer: Buffer, start: number, end: number): void {
    this.texts.fill(undefined)
    this.#walk(buffer, start, end, this.#wanted)
  }

  #walk(buffer: Buffer, start: number, end: number, wanted: readonly Wanted[]): void {
    const pairs = readMapHeader(buffer, start)
    let at = pairs > 0 ? bodyStart(buffer, start) : end
    for (let i = 0; i < pairs; i++) {
      const value = skip(buffer, at, end)
      if (value < 0 || value >= end) return
      for (let j = 0; j < wanted.length; j++) {
        const { name, slot, inside } = wanted[j]!
        if (!textEquals(buffer, at, name)) continue
        if (slot !== undefined) this.texts[slot] ??= readText(buffer, value, end)
        if (inside.length > 0) this.#walk(buffer, value, end, inside)
        break
      }
      at = skip(buffer, value, end)
      if (at < 0 || at >= end) return
    }
  }
}
