import { HeaderFormat } from '../drain/header/header-format.js'
import { LinearRegex } from '../drain/regex/linear-regex.js'
import type { LineRules, SessionRule } from './line-rules.js'

/** A record as a plain object. */
export type LogRecord = Readonly<Record<string, unknown>>

/** The id of windows over the whole log. */
export const WHOLE_LOG = 'all'

/** Takes from lines what the engine needs: where the message begins, the time, the session id. One instance reads line after line. */
export class LineReader {
  #format: HeaderFormat
  readonly #regex: LinearRegex | undefined
  readonly #path: readonly string[] | undefined
  readonly #end: LinearRegex | undefined

  /** @throws DrainConfigError or PatternError when the rules hold a bad format or pattern */
  constructor(rules: LineRules, referenceTimeMs?: number) {
    this.#format = HeaderFormat.parse(rules.format, referenceTimeMs === undefined ? {} : { referenceTimeMs })
    const by = groupingOf(rules.session)
    this.#regex = by?.kind === 'regex' ? LinearRegex.compile(by.pattern) : undefined
    this.#path = by?.kind === 'field' ? by.path.split('.') : undefined
    this.#end = rules.endPattern === undefined ? undefined : LinearRegex.compile(rules.endPattern)
  }

  /** The header's findings about the line read last. */
  get slots(): HeaderFormat['slots'] {
    return this.#format.slots
  }

  /** Name of the header format, or the notation that it was given in. */
  get formatName(): string {
    return this.#format.name
  }

  /** Reads further lines by another format. @throws DrainConfigError */
  protected useFormat(format: string): void {
    this.#format = HeaderFormat.parse(format)
  }

  /** The dotted path of the field that holds the session id, if a field does. */
  get sessionPath(): readonly string[] | undefined {
    return this.#path
  }

  /** Reads a line's header into `slots`. */
  read(line: string): void {
    this.#format.read(line)
  }

  /** The session id of the line read last. `record` is the record it came in, if any. Undefined when the rule finds none. */
  session(line: string, record: LogRecord | undefined): string | undefined {
    if (this.#regex !== undefined) return this.#regex.extract(line)
    if (this.#path === undefined) return WHOLE_LOG
    return (
      fieldText(record, this.#path) ??
      fieldText(this.slots.record, this.#path) ??
      this.#headerField(line, this.#path)
    )
  }

  /** Whether the line ends its session. */
  isEnd(line: string): boolean {
    return this.#end !== undefined && this.#end.find(line) !== undefined
  }

  #headerField(line: string, path: readonly string[]): string | undefined {
    return path.length === 1 ? this.#format.parse(line).fields[path[0]!] : undefined
  }
}

function groupingOf(rule: SessionRule): Exclude<SessionRule, { kind: 'window' }> | undefined {
  return rule.kind === 'window' ? rule.by : rule
}

/** The text at a path of a record: strings as they are, numbers and booleans as written. */
export function fieldText(record: LogRecord | undefined, path: readonly string[]): string | undefined {
  let value: unknown = record
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as LogRecord)[name]
  }
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : undefined
}
