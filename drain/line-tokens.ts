import { CharKind, isPlainWord, kindsOf, kindTable, type TextKinds } from './char-kind.js'
import { LineUnits } from './line-units.js'
import type { MaskScanner } from './mask-scanner.js'
import type { ResolvedDrainOptions } from './options.js'
import { TokenRows, Variability } from './token-rows.js'
import { HASH_SEED, hashUnit, MASKED, type TokenTable } from './token-table.js'
import { textOf, unitsOf, WILDCARD_UNITS } from './unit-text.js'

const NOT_LISTED = 0
const LIST_OF_NUMBERED = 1
const LIST_OF_MASKS = 2

/**
 * The tokens of one line, with masks applied. One instance is used for line after line and makes no objects: a token
 * is a row in the arrays below.
 */
export class LineTokens extends TokenRows {
  readonly line: LineUnits
  /** Which kind of list the token could belong to. */
  readonly #listKind: Uint8Array
  /** The tokens as rendered, masks replaced, and the bounds of each. */
  readonly #units: Uint16Array
  readonly #unitStart: Int32Array
  readonly #unitEnd: Int32Array
  readonly #kinds: Uint8Array
  readonly #replacements: readonly Uint16Array[]
  readonly #replacementKinds: readonly TextKinds[]
  readonly #maxTokens: number
  readonly #splitKeyValue: boolean
  readonly #collapseLists: boolean
  /** The token being read: what it is made of. */
  #unit = 0
  #hash = 0
  #all = 0
  #first = 0
  #last = 0
  #numTrailing = 0
  #numMasks = 0
  /** The next mask, where it begins, or the text's end. */
  #mask = 0
  #maskAt = 0

  constructor(
    options: ResolvedDrainOptions,
    private readonly scanner: MaskScanner,
    private readonly table: TokenTable,
  ) {
    // One more than are read, for what is cut.
    const max = options.maxTokens + 1
    super(max)
    this.line = new LineUnits(options.maxLineLength)
    this.#listKind = new Uint8Array(max)
    this.#unitStart = new Int32Array(max)
    this.#unitEnd = new Int32Array(max)
    this.#maxTokens = options.maxTokens
    this.#splitKeyValue = options.splitKeyValue
    this.#collapseLists = options.collapseLists
    this.#kinds = kindTable(options.delimiters)
    this.#replacements = scanner.replacements.map(unitsOf)
    this.#replacementKinds = scanner.replacements.map(kindsOf)
    // A mask is at least one unit long; a list or a cut becomes one more wildcard.
    const longest = Math.max(WILDCARD_UNITS.length, ...scanner.replacements.map(text => text.length))
    this.#units = new Uint16Array(options.maxLineLength * longest + WILDCARD_UNITS.length * max)
  }

  /** Text of a token, with masks replaced. */
  text(token: number): string {
    return textOf(this.#units, this.#unitStart[token]!, this.#unitEnd[token]!)
  }

  /** Splits the part of a line that begins at `start`. Reads it once for masks and once for tokens. */
  split(text: string, start: number): void {
    const { line, scanner } = this
    line.load(text, start)
    scanner.scan(line.units, line.start, line.end)
    this.count = 0
    this.#unit = 0
    this.#mask = 0
    this.#maskAt = scanner.count > 0 ? scanner.starts[0]! : line.end
    const end = this.#readTokens(line.start, line.end)
    if (end < line.lineEnd) this.#cut(end, line.lineEnd)
  }

  /** Returns where it stopped: `end`, or the start of the token too many. */
  #readTokens(start: number, end: number): number {
    const { units } = this.line
    const kinds = this.#kinds
    let at = start
    let isGlued = false
    while (at < end) {
      if (at !== this.#maskAt && kinds[units[at]!] === CharKind.space) {
        at++
        continue
      }
      if (this.count === this.#maxTokens) return at
      if (at === this.#maskAt && this.#isWholeMask(at, end)) {
        at = this.#readWholeMask(at, isGlued)
        isGlued = false
        continue
      }
      const unitStart = this.#unit
      const rawStart = at
      at = this.#readToken(at, end)
      this.#finish(rawStart, at, unitStart, isGlued)
      isGlued = at < end && (this.#last & CharKind.equals) !== 0 && kinds[units[at]!] !== CharKind.space
    }
    return at
  }

  /** Whether the mask that begins here is all of a token and stands as `<*>` in templates: what most masks do. */
  #isWholeMask(start: number, end: number): boolean {
    const { scanner } = this
    const maskEnd = scanner.ends[this.#mask]!
    if (this.#replacements[scanner.rules[this.#mask]!] !== WILDCARD_UNITS) return false
    return maskEnd === end || (maskEnd > start && this.#kinds[this.line.units[maskEnd]!] === CharKind.space)
  }

  /** Short cut of `#readToken` and `#finish` for such a mask. */
  #readWholeMask(start: number, isGlued: boolean): number {
    const { scanner } = this
    const end = scanner.ends[this.#mask++]!
    this.#maskAt = this.#mask < scanner.count ? scanner.starts[this.#mask]! : this.line.end
    const token = this.count
    if (this.#goesOn(token, LIST_OF_MASKS)) {
      this.#join(token - 1, end)
      return end
    }
    this.count++
    this.rawStart[token] = start
    this.rawEnd[token] = end
    this.#unitStart[token] = this.#unit
    this.isGlued[token] = isGlued ? 1 : 0
    this.#listKind[token] = LIST_OF_MASKS
    this.#setWildcard(token)
    this.isJoined[token] = 0
    return end
  }

  /** Reads a token into the `#` fields; returns its end. */
  #readToken(start: number, end: number): number {
    this.#hash = HASH_SEED
    this.#all = 0
    this.#first = -1
    this.#last = 0
    this.#numTrailing = 0
    this.#numMasks = 0
    let at = start
    while (at < end) {
      if (at === this.#maskAt) {
        at = this.#readMask()
        continue
      }
      at = this.#readPlain(at, end)
      if ((this.#last & CharKind.equals) !== 0) {
        if (this.#splitsAfter(at, end)) break
      } else if (at !== this.#maskAt) break
    }
    return at
  }

  /** Reads on to the next mask, to a space or past an equals sign. The innermost loop of all. */
  #readPlain(start: number, end: number): number {
    const { units } = this.line
    const kinds = this.#kinds
    const out = this.#units
    const stop = Math.min(this.#maskAt, end)
    let unit = this.#unit
    let hash = this.#hash
    let all = this.#all
    let kind = this.#last
    let numTrailing = this.#numTrailing
    let at = start
    if (this.#first < 0) this.#first = kinds[units[at]!]!
    while (at < stop) {
      const c = units[at]!
      const next = kinds[c]!
      if (next === CharKind.space) {
        kind &= ~CharKind.equals
        break
      }
      kind = next
      out[unit++] = c
      hash = hashUnit(hash, c)
      at++
      if (kind >= CharKind.equals) break
      all |= kind
      if (kind === CharKind.trailing) numTrailing++
    }
    this.#unit = unit
    this.#hash = hash
    this.#all = all
    this.#last = kind
    this.#numTrailing = numTrailing
    return at
  }

  #readMask(): number {
    const { starts, ends, rules, count } = this.scanner
    const rule = rules[this.#mask]!
    const text = this.#replacements[rule]!
    const kinds = this.#replacementKinds[rule]!
    for (let i = 0; i < text.length; i++) {
      this.#units[this.#unit++] = text[i]!
      this.#hash = hashUnit(this.#hash, text[i]!)
    }
    if (this.#first < 0) this.#first = kinds.first
    this.#all |= kinds.all
    this.#last = kinds.last & ~CharKind.equals
    this.#numTrailing += kinds.numTrailing
    this.#numMasks++
    const end = ends[this.#mask++]!
    this.#maskAt = this.#mask < count ? starts[this.#mask]! : this.line.end
    return end
  }

  /** After an equals sign: whether `key=` ends here, as it looks like one and a value follows at once. */
  #splitsAfter(at: number, end: number): boolean {
    const all = this.#all
    this.#all |= CharKind.other | CharKind.equals
    if (!this.#splitKeyValue || all === 0 || at >= end) return false
    if ((all & (CharKind.notKey | CharKind.equals)) !== 0) return false
    if (at === this.#maskAt) return true
    const next = this.#kinds[this.line.units[at]!]!
    return next !== CharKind.space && (next & CharKind.equals) === 0
  }

  /** Adds the token just read, or makes it part of the list before it. */
  #finish(rawStart: number, rawEnd: number, unitStart: number, isGlued: boolean): void {
    const token = this.count
    const unitEnd = this.#unit
    const hasDigit = (this.#all & CharKind.digit) !== 0
    let listKind = NOT_LISTED
    if ((this.#last & CharKind.equals) !== 0) listKind = NOT_LISTED
    else if (this.#numMasks === 0) listKind = hasDigit ? LIST_OF_NUMBERED : NOT_LISTED
    else if (this.#numMasks === 1 && this.#isOneMask(rawStart, rawEnd)) listKind = LIST_OF_MASKS
    if (listKind !== NOT_LISTED && this.#goesOn(token, listKind)) {
      this.#join(token - 1, rawEnd)
      return
    }
    this.count++
    this.ids[token] = this.table.find(this.#units, unitStart, unitEnd, this.#hash)
    // The value of a key is there to vary, word or not.
    const isWord = !isGlued && isPlainWord(this.#all, this.#first, this.#last, this.#numTrailing)
    this.isWord[token] = isWord ? 1 : 0
    this.variability[token] =
      this.#numMasks > 0 ? Variability.hasMask : hasDigit ? Variability.hasDigit : Variability.none
    this.isGlued[token] = isGlued ? 1 : 0
    this.isJoined[token] = 0
    this.#listKind[token] = listKind
    this.rawStart[token] = rawStart
    this.rawEnd[token] = rawEnd
    this.#unitStart[token] = unitStart
    this.#unitEnd[token] = unitEnd
  }

  /** Whether the mask just read is all there is between these bounds. */
  #isOneMask(rawStart: number, rawEnd: number): boolean {
    const mask = this.#mask - 1
    return this.scanner.starts[mask] === rawStart && this.scanner.ends[mask] === rawEnd
  }

  /** Whether a token of a kind goes on a list that the one before belongs to or begins; `key=` never does. */
  #goesOn(token: number, listKind: number): boolean {
    if (!this.#collapseLists || token === 0) return false
    return this.isJoined[token - 1] === 1 || this.#listKind[token - 1] === listKind
  }

  /** Makes the token a list that reaches to `rawEnd`. */
  #join(token: number, rawEnd: number): void {
    this.#setWildcard(token)
    this.isJoined[token] = 1
    this.rawEnd[token] = rawEnd
  }

  /** Makes `<*>` of the last token. */
  #setWildcard(token: number): void {
    const start = this.#unitStart[token]!
    for (let i = 0; i < WILDCARD_UNITS.length; i++) this.#units[start + i] = WILDCARD_UNITS[i]!
    this.#unit = start + WILDCARD_UNITS.length
    this.#unitEnd[token] = this.#unit
    this.ids[token] = MASKED
    this.isWord[token] = 0
    this.variability[token] = Variability.hasMask
  }

  /** Makes one wildcard of what lies beyond the parsed part; a token that the cut hits goes with it. */
  #cut(end: number, lineEnd: number): void {
    const last = this.count - 1
    const isHit = last >= 0 && (this.rawEnd[last] === end || this.isJoined[last] === 1)
    const token = isHit ? last : this.count
    if (!isHit) {
      this.count++
      this.rawStart[token] = end
      this.isGlued[token] = 0
      this.#unitStart[token] = this.#unit
    }
    this.#join(token, lineEnd)
  }
}
