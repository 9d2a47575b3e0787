import { DrainConfigError } from '../errors.js'
import { FieldLayout } from './field-layout.js'
import { HeaderText } from './header-text.js'
import { HeaderSlots, type Layout } from './layout.js'
import { isLayoutName, LAYOUT_NAMES, makeLayouts } from './named-layouts.js'
import { TimeReader } from './time-reader.js'

export interface HeaderFormatOptions {
  /** Time near which time stamps without a year lie, in milliseconds since 1970. Default: now. */
  readonly referenceTimeMs?: number
}

/** A line taken apart. */
export interface ParsedLine {
  /** The message: what Drain parses. */
  readonly content: string
  /** Where the message begins in the line; -1 when it is no part of its text (JSON). */
  readonly contentStart: number
  /** False when the line does not fit the format: then all of it is content. */
  readonly hasHeader: boolean
  readonly level?: string
  /** Milliseconds since 1970, UTC unless the line says otherwise. */
  readonly timeMs?: number
  /** The header's fields by name, as they stand. */
  readonly fields: Readonly<Record<string, string>>
  /** The object of a JSON line. */
  readonly record?: Readonly<Record<string, unknown>>
}

/**
 * Takes the header off log lines. Reading never throws and takes time linear in the header; a line that does not fit
 * is a line all the same, all content.
 */
export class HeaderFormat {
  /** Slots for callers that read line after line. */
  readonly slots = new HeaderSlots()
  readonly #text = new HeaderText()
  #lastFit: Layout | undefined

  private constructor(
    /** Name of the built-in layout, the notation, or `raw`. */
    readonly name: string,
    private readonly layouts: readonly Layout[],
  ) {}

  /**
   * The format of a built-in name (`LAYOUT_NAMES`, `raw`) or a notation such as `<Date> <Time> <Level> <Component>:
   * <Content>`. Throws DrainConfigError.
   */
  static parse(format: string, options: HeaderFormatOptions = {}): HeaderFormat {
    const time = new TimeReader(options.referenceTimeMs ?? Date.now())
    if (format === 'raw') return new HeaderFormat('raw', [])
    if (isLayoutName(format)) return new HeaderFormat(format, makeLayouts(format, time))
    if (!format.includes('<')) {
      const names = ['raw', ...LAYOUT_NAMES].join(', ')
      throw new DrainConfigError([
        `format must be a notation or one of ${names}, got ${JSON.stringify(format.slice(0, 60))}`,
      ])
    }
    return new HeaderFormat(format, [new FieldLayout(format, time)])
  }

  /** Reads what is wanted of every line into `slots`, without making objects. False: no header, all is content. */
  read(line: string): boolean {
    if (this.layouts.length > 0) this.#text.load(line)
    for (const layout of this.layouts) {
      if (!layout.read(this.#text, this.slots)) continue
      this.#lastFit = layout
      return true
    }
    this.slots.clear()
    return false
  }

  /** The message of a line. */
  content(line: string): string {
    this.read(line)
    return this.#content(line)
  }

  /** Everything about a line. */
  parse(line: string): ParsedLine {
    const hasHeader = this.read(line)
    const { contentStart, timeMs, level, record } = this.slots
    return {
      content: this.#content(line),
      contentStart,
      hasHeader,
      ...(level === undefined ? {} : { level }),
      ...(Number.isNaN(timeMs) ? {} : { timeMs }),
      fields: hasHeader ? this.#lastFit!.fields(line) : Object.create(null),
      ...(record === undefined ? {} : { record }),
    }
  }

  #content(line: string): string {
    const { content, contentStart } = this.slots
    if (content !== undefined) return content
    const end = line.charCodeAt(line.length - 1) === 0x0d ? line.length - 1 : line.length
    return contentStart === 0 && end === line.length ? line : line.slice(contentStart, end)
  }
}
