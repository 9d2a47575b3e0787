import { PatternError } from '../errors.js'
import type { CharSet } from './char-set.js'
import * as sets from './char-set.js'
import type { Assertion, Node } from './node.js'

export interface Parsed {
  readonly node: Node
  readonly numCaptures: number
}

const MAX_PATTERN_LENGTH = 4_096
const MAX_NESTING = 100
const MAX_REPEAT = 1_000
const NEWLINE: CharSet = [10, 10]
const POSIX: Readonly<Record<string, CharSet>> = {
  alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
  alpha: [0x41, 0x5a, 0x61, 0x7a],
  digit: sets.DIGIT,
  lower: [0x61, 0x7a],
  punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
  space: sets.SPACE,
  upper: [0x41, 0x5a],
  word: sets.WORD,
  xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
}
const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }
const EMPTY: Node = { kind: 'empty' }

/** Parses a pattern. Throws PatternError. */
export function parsePattern(pattern: string): Parsed {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(pattern.slice(0, 40), MAX_PATTERN_LENGTH, 'longer than 4096 characters')
  }
  return new Parser(pattern).parse()
}

class Parser {
  #at = 0
  #nesting = 0
  #numCaptures = 0
  #ignoreCase = false
  #dotAll = false
  #multiline = false

  constructor(private readonly pattern: string) {}

  parse(): Parsed {
    const node = this.#alternate()
    if (this.#at < this.pattern.length) this.#fail('unmatched ")"')
    return { node, numCaptures: this.#numCaptures }
  }

  #fail(problem: string): never {
    throw new PatternError(this.pattern, this.#at, problem)
  }

  #peek(text: string): boolean {
    return this.pattern.startsWith(text, this.#at)
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false
    this.#at += text.length
    return true
  }

  #alternate(): Node {
    if (++this.#nesting > MAX_NESTING) this.#fail('nested too deeply')
    const items = [this.#concat()]
    while (this.#take('|')) items.push(this.#concat())
    this.#nesting--
    return items.length === 1 ? items[0]! : { kind: 'alternate', items }
  }

  #concat(): Node {
    const items: Node[] = []
    while (this.#at < this.pattern.length && !this.#peek('|') && !this.#peek(')')) {
      items.push(this.#quantified())
    }
    return items.length === 1 ? items[0]! : items.length === 0 ? EMPTY : { kind: 'concat', items }
  }

  #quantified(): Node {
    const start = this.#at
    const item = this.#atom()
    const bounds = this.#bounds()
    if (bounds === undefined) return item
    if (item.kind === 'assert' || (item.kind === 'empty' && this.pattern[start] !== '(')) {
      this.#fail('nothing to repeat')
    }
    const isLazy = this.#take('?')
    if (this.#peek('*') || this.#peek('+') || this.#peek('?')) this.#fail('nothing to repeat')
    return { kind: 'repeat', item, min: bounds[0], max: bounds[1], isLazy }
  }

  #bounds(): [number, number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    const counted = /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.pattern.slice(this.#at, this.#at + 16))
    if (counted === null || (counted[2] === '' && counted[3] !== '')) return undefined
    const min = Number(counted[1])
    const max = counted[2] === '' ? min : counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3])
    if (min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT)) {
      this.#fail('repeats more than 1000 times')
    }
    if (max < min) this.#fail('repeat bounds out of order')
    this.#at += counted[0].length
    return [min, max]
  }

  #atom(): Node {
    const unit = this.pattern[this.#at]!
    if (unit === '(') return this.#group()
    if (unit === '[') return this.#set(this.#class())
    if (unit === '*' || unit === '+' || unit === '?') this.#fail('nothing to repeat')
    this.#at++
    if (unit === '.') return { kind: 'set', set: this.#dotAll ? sets.ANY : sets.NOT_NEWLINE }
    if (unit === '^') return assertion(this.#lineEdge('before', 'textStart'))
    if (unit === '$') return assertion(this.#lineEdge('after', 'textEnd'))
    if (unit === '\\') return this.#escape()
    return this.#set([unit.charCodeAt(0), unit.charCodeAt(0)])
  }

  #lineEdge(side: 'before' | 'after', edge: 'textStart' | 'textEnd'): Assertion {
    // In multi-line mode an edge or a newline will do, which is: not a unit other than newline.
    return this.#multiline ? { kind: side, set: sets.negate(NEWLINE), isNegated: true } : { kind: edge }
  }

  #set(set: CharSet): Node {
    return { kind: 'set', set: this.#ignoreCase ? sets.foldCase(set) : set }
  }

  #group(): Node {
    this.#at++
    const flags = /^\?([ims]{1,3})([:)])/.exec(this.pattern.slice(this.#at, this.#at + 5))
    if (flags?.[2] === ')') {
      this.#at += flags[0].length
      this.#setFlags(flags[1]!)
      return EMPTY
    }
    const outer = [this.#ignoreCase, this.#dotAll, this.#multiline] as const
    const node = this.#groupBody(flags)
    ;[this.#ignoreCase, this.#dotAll, this.#multiline] = outer
    if (!this.#take(')')) this.#fail('missing ")"')
    return node
  }

  #groupBody(flags: RegExpExecArray | null): Node {
    if (flags !== null) {
      this.#at += flags[0].length
      this.#setFlags(flags[1]!)
      return this.#alternate()
    }
    if (this.#take('?:')) return this.#alternate()
    for (const [text, kind, isNegated] of LOOKS) {
      if (this.#take(text)) return this.#look(kind, isNegated)
    }
    if (this.#peek('?')) {
      const name = /^\?P?<[A-Za-z_]\w{0,63}>/.exec(this.pattern.slice(this.#at, this.#at + 70))
      if (name === null) this.#fail('unknown group')
      this.#at += name[0].length
    }
    const index = ++this.#numCaptures
    return { kind: 'capture', index, item: this.#alternate() }
  }

  #setFlags(flags: string): void {
    this.#ignoreCase ||= flags.includes('i')
    this.#dotAll ||= flags.includes('s')
    this.#multiline ||= flags.includes('m')
  }

  #look(kind: 'before' | 'after', isNegated: boolean): Node {
    const item = this.#alternate()
    if (item.kind !== 'set') this.#fail('a look-around takes exactly one character class')
    return assertion({ kind, set: item.set, isNegated })
  }

  #escape(): Node {
    if (this.#take('b')) return assertion({ kind: 'boundary', isNegated: false })
    if (this.#take('B')) return assertion({ kind: 'boundary', isNegated: true })
    if (this.#take('A')) return assertion({ kind: 'textStart' })
    if (this.#take('z')) return assertion({ kind: 'textEnd' })
    return this.#set(this.#escapedSet())
  }

  /** The set that the escape after a consumed backslash stands for. */
  #escapedSet(): CharSet {
    const letter = this.pattern[this.#at]
    if (letter === undefined) this.#fail('trailing backslash')
    this.#at++
    const shorthand = SHORTHANDS[letter]
    if (shorthand !== undefined) return shorthand
    if (letter === 'p' || letter === 'P') return this.#property(letter === 'P')
    const unit = this.#escapedUnit(letter)
    return [unit, unit]
  }

  #escapedUnit(letter: string): number {
    if (Object.hasOwn(CONTROL, letter)) return CONTROL[letter]!
    if (letter === 'x') return this.#hex(/^[0-9a-fA-F]{2}/)
    if (letter === 'u') return this.#hex(/^[0-9a-fA-F]{4}/)
    if (/[A-Za-z0-9]/.test(letter)) this.#fail(`unknown escape "\\${letter}"`)
    return letter.charCodeAt(0)
  }

  #hex(form: RegExp): number {
    const digits = form.exec(this.pattern.slice(this.#at, this.#at + 4))
    if (digits === null) this.#fail('bad hexadecimal escape')
    this.#at += digits[0].length
    return Number.parseInt(digits[0], 16)
  }

  #property(isNegated: boolean): CharSet {
    const braced = /^\{([^}]{1,80})\}|^([A-Z])/.exec(this.pattern.slice(this.#at, this.#at + 90))
    const set = braced === null ? undefined : sets.unicodeProperty(braced[1] ?? braced[2]!)
    if (braced === null || set === undefined) this.#fail('unknown Unicode property')
    this.#at += braced[0].length
    return isNegated ? sets.negate(set) : set
  }

  #class(): CharSet {
    this.#at++
    const isNegated = this.#take('^')
    const ranges: number[] = []
    while (!this.#take(']')) {
      if (this.#at >= this.pattern.length) this.#fail('missing "]"')
      this.#classItem(ranges)
    }
    const set = sets.normalize(ranges)
    const folded = this.#ignoreCase ? sets.foldCase(set) : set
    return isNegated ? sets.negate(folded) : folded
  }

  #classItem(ranges: number[]): void {
    const posix = /^\[:(\w{1,8}):\]/.exec(this.pattern.slice(this.#at, this.#at + 14))
    if (posix !== null && Object.hasOwn(POSIX, posix[1]!)) {
      this.#at += posix[0].length
      ranges.push(...POSIX[posix[1]!]!)
      return
    }
    const low = this.#classUnit()
    const isRange =
      this.#peek('-') && this.pattern[this.#at + 1] !== ']' && this.#at + 1 < this.pattern.length
    if (!isRange) {
      ranges.push(...low)
      return
    }
    this.#at++
    const high = this.#classUnit()
    if (low.length !== 2 || high.length !== 2 || low[0] !== low[1] || high[0] !== high[1]) {
      this.#fail('a range needs two characters')
    }
    if (high[0]! < low[0]!) this.#fail('range out of order')
    ranges.push(low[0]!, high[0]!)
  }

  #classUnit(): CharSet {
    const unit = this.pattern.charCodeAt(this.#at)
    if ((unit & 0xf800) === 0xd800) this.#fail('a class cannot hold characters beyond U+FFFF')
    this.#at++
    if (unit !== 0x5c) return [unit, unit]
    return this.#take('b') ? [8, 8] : this.#escapedSet()
  }
}

const LOOKS = [
  ['?=', 'after', false],
  ['?!', 'after', true],
  ['?<=', 'before', false],
  ['?<!', 'before', true],
] as const

const SHORTHANDS: Readonly<Record<string, CharSet | undefined>> = Object.assign(Object.create(null), {
  d: sets.DIGIT,
  D: sets.negate(sets.DIGIT),
  w: sets.WORD,
  W: sets.negate(sets.WORD),
  s: sets.SPACE,
  S: sets.negate(sets.SPACE),
})

function assertion(value: Assertion): Node {
  return { kind: 'assert', assertion: value }
}
