import { DrainConfigError } from '../errors.js'
import type { HeaderText } from './header-text.js'
import { type HeaderSlots, type Layout, LevelCache } from './layout.js'
import type { TimeReader } from './time-reader.js'

type Element =
  | { readonly kind: 'field'; readonly name: string; readonly slot: number; readonly check: FieldCheck }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'option'; readonly elements: readonly Element[] }

type FieldCheck = 'any' | 'digits' | 'word' | 'stream'

const MAX_NOTATION_LENGTH = 1_024
const MAX_FIELD_LENGTH = 256
const TIME_FIELDS = new Set(['timestamp', 'month', 'date', 'day', 'year', 'time', 'zone'])
const CHECKS: Readonly<Record<string, FieldCheck>> = {
  pid: 'digits',
  tid: 'digits',
  level: 'word',
  stream: 'stream',
}
const SPACE = 0x20

/**
 * Header in the notation of the field: names in `<>`, the text between as it stands (a backslash before `[`, `]`, `(`,
 * `)`, `|`, `.` may be written and is dropped), `(...)?` around what may be missing, a space for any run of spaces,
 * `<Content>` at the end. A field is the shortest text up to what follows it.
 */
export class FieldLayout implements Layout {
  readonly #elements: readonly Element[]
  readonly #names: string[] = []
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #levelSlot: number
  readonly #timeSlots: readonly [number, number] | undefined
  readonly #levels = new LevelCache()

  /** Throws DrainConfigError. */
  constructor(
    readonly notation: string,
    private readonly time: TimeReader,
  ) {
    this.#elements = parseNotation(notation, this.#names)
    this.#starts = new Int32Array(this.#names.length)
    this.#ends = new Int32Array(this.#names.length)
    this.#levelSlot = this.#names.findIndex(name => name.toLowerCase() === 'level')
    this.#timeSlots = timeSlots(this.#elements)
  }

  read(line: HeaderText, slots: HeaderSlots): boolean {
    slots.clear()
    this.#starts.fill(-1)
    const end = this.#match(this.#elements, 0, line, 0)
    if (end < 0) return false
    if (this.#timeSlots !== undefined && !this.#readTime(line, this.#timeSlots, slots)) {
      slots.clear()
      return false
    }
    slots.contentStart = end
    const level = this.#levelSlot
    if (level >= 0 && this.#starts[level]! >= 0) {
      slots.level = this.#levels.get(line, this.#starts[level]!, this.#ends[level]!)
    }
    return true
  }

  fields(line: string): Record<string, string> {
    const fields: Record<string, string> = Object.create(null)
    for (const [slot, name] of this.#names.entries()) {
      if (this.#starts[slot]! >= 0) fields[name] = line.slice(this.#starts[slot], this.#ends[slot])
    }
    return fields
  }

  #readTime(line: HeaderText, [first, last]: readonly [number, number], slots: HeaderSlots): boolean {
    const ms = this.time.read(line.units, this.#starts[first]!)
    slots.timeMs = ms
    return !Number.isNaN(ms) && this.time.end > this.#starts[last]! && this.time.end <= this.#ends[last]!
  }

  /** Where the elements from `index` on end when they begin at `at`, or -1. */
  #match(elements: readonly Element[], index: number, line: HeaderText, at: number): number {
    let position = at
    for (let i = index; i < elements.length; i++) {
      const element = elements[i]!
      if (element.kind === 'literal') position = matchLiteral(element.text, line, position)
      else if (element.kind === 'option') position = this.#skipOption(element.elements, line, position)
      else {
        position = this.#matchField(element, elements, i, line, position)
        if (position < 0) return -1
        const next = elements[i + 1]
        // The field has found what follows it, an option with it.
        if (next?.kind === 'option') {
          position = this.#skipOption(next.elements, line, position)
          i++
        }
      }
      if (position < 0) return -1
    }
    return position
  }

  /** Past the option if it stands here. */
  #skipOption(option: readonly Element[], line: HeaderText, at: number): number {
    const end = this.#match(option, 0, line, at)
    if (end >= 0) return end
    for (const element of option) if (element.kind === 'field') this.#starts[element.slot] = -1
    return at
  }

  #matchField(
    field: Element & { kind: 'field' },
    elements: readonly Element[],
    index: number,
    line: HeaderText,
    start: number,
  ): number {
    const limit = Math.min(line.length, start + MAX_FIELD_LENGTH)
    const { units } = line
    const next = elements[index + 1]
    const first = next?.kind === 'literal' ? next.text.charCodeAt(0) : -1
    for (let at = start + 1; at <= limit; at++) {
      if (first >= 0 && units[at] !== first) continue
      if (!this.#followsAt(elements, index + 1, line, at)) continue
      this.#starts[field.slot] = start
      this.#ends[field.slot] = at
      return isValid(field.check, line, start, at) ? at : -1
    }
    return -1
  }

  /** Whether what comes after a field can begin here. */
  #followsAt(elements: readonly Element[], index: number, line: HeaderText, at: number): boolean {
    const next = elements[index]
    if (next === undefined) return at === line.length
    if (next.kind === 'literal') return matchLiteral(next.text, line, at) >= 0
    if (next.kind !== 'option') return false
    const end = this.#match(next.elements, 0, line, at)
    if (end >= 0 && this.#followsAt(elements, index + 1, line, end)) return true
    return this.#followsAt(elements, index + 1, line, at)
  }
}

/** End of the literal, whose spaces stand for runs of spaces, or -1. At the line's end its last space may be missing. */
function matchLiteral(literal: string, { units, length }: HeaderText, start: number): number {
  let at = start
  for (let i = 0; i < literal.length; i++) {
    const unit = literal.charCodeAt(i)
    if (units[at] !== unit) {
      return unit === SPACE && i === literal.length - 1 && i > 0 && at === length ? at : -1
    }
    at++
    if (unit === SPACE) while (units[at] === SPACE) at++
  }
  return at <= length ? at : -1
}

function isValid(check: FieldCheck, { text, units }: HeaderText, start: number, end: number): boolean {
  if (check === 'any') return true
  if (check === 'stream') return text.startsWith('stdout', start) || text.startsWith('stderr', start)
  if (check === 'word' && end - start > 16) return false
  for (let at = start; at < end; at++) {
    const unit = units[at]!
    const isDigit = unit >= 48 && unit <= 57
    const letter = unit | 32
    if (!isDigit && (check === 'digits' || letter < 97 || letter > 122)) return false
  }
  return true
}

/** First and last field of the time: a time stamp alone, else the fields of date and time that stand together. */
function timeSlots(elements: readonly Element[]): readonly [number, number] | undefined {
  const fields = elements.filter(element => element.kind === 'field')
  const stamp = fields.find(field => field.name.toLowerCase() === 'timestamp')
  if (stamp !== undefined) return [stamp.slot, stamp.slot]
  const first = fields.findIndex(field => TIME_FIELDS.has(field.name.toLowerCase()))
  if (first < 0) return undefined
  let last = first
  while (last + 1 < fields.length && TIME_FIELDS.has(fields[last + 1]!.name.toLowerCase())) last++
  return [fields[first]!.slot, fields[last]!.slot]
}

function parseNotation(notation: string, names: string[]): readonly Element[] {
  const content = '<Content>'
  const problems: string[] = []
  if (notation.length > MAX_NOTATION_LENGTH)
    problems.push(`format must be at most ${MAX_NOTATION_LENGTH} characters`)
  else if (!notation.endsWith(content))
    problems.push(`format must end with <Content>, got ${JSON.stringify(notation)}`)
  if (problems.length > 0) throw new DrainConfigError(problems)
  const elements = parseElements(notation.slice(0, -content.length), names, problems, true)
  if (elements.at(-1)?.kind === 'field')
    problems.push('format needs text between its last field and <Content>')
  if (new Set(names).size < names.length) problems.push('format must name each field once')
  if (problems.length > 0) throw new DrainConfigError(problems)
  return elements
}

function parseElements(text: string, names: string[], problems: string[], mayNest: boolean): Element[] {
  const elements: Element[] = []
  const literal = (part: string) => {
    const last = elements[elements.length - 1]
    const before = last?.kind === 'literal' ? elements.pop() : undefined
    const joined = ((before as { text: string } | undefined)?.text ?? '') + part
    elements.push({ kind: 'literal', text: joined.replaceAll(/\s{1,1024}/g, ' ') })
  }
  let at = 0
  while (at < text.length) {
    const field = /^<([A-Za-z]\w{0,63})>/.exec(text.slice(at, at + 70))
    const option = mayNest && text[at] === '(' ? text.indexOf(')?', at) : -1
    if (field !== null) {
      const [, name] = field
      if (elements.at(-1)?.kind === 'field')
        problems.push(`format needs text between the field before <${name}> and it`)
      elements.push({
        kind: 'field',
        name: name!,
        slot: names.length,
        check: CHECKS[name!.toLowerCase()] ?? 'any',
      })
      names.push(name!)
      at += field[0].length
    } else if (option > 0) {
      elements.push({
        kind: 'option',
        elements: parseElements(text.slice(at + 1, option), names, problems, false),
      })
      at = option + 2
    } else {
      if (text[at] === '\\' && at + 1 < text.length) at++
      literal(text[at]!)
      at++
    }
  }
  return elements
}
