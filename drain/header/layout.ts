import type { HeaderText } from './header-text.js'

/** What a layout read off a line; one instance is used for line after line. */
export class HeaderSlots {
  /** Where the message begins; -1 when it is no part of the line's text (JSON), then `content` holds it. */
  contentStart = 0
  content: string | undefined
  /** Milliseconds since 1970, NaN where the line has none. */
  timeMs = Number.NaN
  level: string | undefined
  /** The object of a JSON line. */
  record: Readonly<Record<string, unknown>> | undefined

  clear(): void {
    this.contentStart = 0
    this.content = undefined
    this.timeMs = Number.NaN
    this.level = undefined
    this.record = undefined
  }
}

/** A header layout. Reading never throws and takes time linear in the header. */
export interface Layout {
  /** Fills the slots; false when the line does not fit, and the slots then say that all of it is message. */
  read(line: HeaderText, slots: HeaderSlots): boolean
  /** Further fields of the line read last. */
  fields(line: string): Record<string, string>
}

/** Words for the severity of a line, in lower case. */
const LEVELS = new Set(
  'trace debug verbose info information notice warn warning error err severe critical crit alert emerg emergency fatal panic log'.split(
    ' ',
  ),
)

export function isLevel(word: string): boolean {
  return word.length <= 11 && LEVELS.has(word.toLowerCase())
}

/** Gives the same string for the level of line after line, to make none. */
export class LevelCache {
  #last = ''

  get(line: HeaderText, start: number, end: number): string {
    if (!this.#isLast(line.units, start, end)) this.#last = line.text.slice(start, end)
    return this.#last
  }

  #isLast(units: Uint16Array, start: number, end: number): boolean {
    const last = this.#last
    if (last.length !== end - start) return false
    for (let i = 0; i < last.length; i++) if (last.charCodeAt(i) !== units[start + i]) return false
    return true
  }
}
