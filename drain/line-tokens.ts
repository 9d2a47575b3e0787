import { CharKind, isPlainWord, kindsOf, kindTable, type TextKinds } from './char-kind.js'
import type { MaskScanner } from './mask-scanner.js'
import type { ResolvedDrainOptions } from './options.js'
import { HASH_SEED, hashUnit, MASKED, type TokenTable } from './token-table.js'

/** The tokens of one line, with masks applied. One instance is used for line after line. */
export class LineTokens {
  count = 0
  /** Id of each token, UNKNOWN where no template holds it. */
  readonly ids: Int32Array
  /** 1 where a token is a plain word. */
  readonly isWord: Uint8Array
  /** Whether a token varies from line to line as far as one can tell by looking: 2 a mask in it, 1 a digit, 0. */
  readonly isVariable: Uint8Array
  /** 1 where no space stands before the token: the value of `key=value`. */
  readonly isGlued: Uint8Array
  /** 1 where several tokens were taken as one list, or the line was cut. */
  readonly isJoined: Uint8Array
  /** Bounds of each token in the line. */
  readonly rawStart: Int32Array
  readonly rawEnd: Int32Array
  /** What kind of list the token could belong to: 2 of masks, 1 of words with digits, 0 none. */
  readonly #listKind: Uint8Array
  readonly #unitStart: Int32Array
  readonly #unitEnd: Int32Array
  #units: Uint16Array
  readonly #kinds: Uint8Array
  readonly #replacements: readonly { readonly units: Uint16Array; readonly kinds: TextKinds }[]
  readonly #maxLineLength: number
  readonly #maxTokens: number
  readonly #splitKeyValue: boolean
  readonly #collapseLists: boolean
  readonly #wildcardUnits = Uint16Array.of(0x3c, 0x2a, 0x3e)

  constructor(
    options: ResolvedDrainOptions,
    private readonly scanner: MaskScanner,
    private readonly table: TokenTable,
  ) {
    const max = options.maxTokens + 1
    this.ids = new Int32Array(max)
    this.isWord = new Uint8Array(max)
    this.isVariable = new Uint8Array(max)
    this.isGlued = new Uint8Array(max)
    this.isJoined = new Uint8Array(max)
    this.rawStart = new Int32Array(max)
    this.rawEnd = new Int32Array(max)
    this.#listKind = new Uint8Array(max)
    this.#unitStart = new Int32Array(max)
    this.#unitEnd = new Int32Array(max)
    this.#maxLineLength = options.maxLineLength
    this.#maxTokens = options.maxTokens
    this.#splitKeyValue = options.splitKeyValue
    this.#collapseLists = options.collapseLists
    this.#kinds = kindTable(options.delimiters)
    this.#replacements = scanner.replacements.map(text => ({
      units: Uint16Array.from(text, character => character.charCodeAt(0)),
      kinds: kindsOf(text),
    }))
    const longest = Math.max(3, ...scanner.replacements.map(text => text.length))
    // A mask is at least one unit long, and a list becomes one more wildcard.
    this.#units = new Uint16Array(options.maxLineLength * longest + 3 * max)
  }

  /** Text of a token, with masks replaced. */
  text(token: number): string {
    return String.fromCharCode(...this.#units.subarray(this.#unitStart[token]!, this.#unitEnd[token]!))
  }

  /** Splits a line. Reads it once for masks and once for tokens. */
  split(line: string): void {
    const length = Math.min(line.length, this.#maxLineLength)
    this.scanner.scan(line, length)
    this.count = 0
    const end = this.#splitParsed(line, length)
    if (end < line.length) this.#cut(end, line.length)
  }

  /** Returns where it stopped: `length`, or the start of the token too many. */
  #splitParsed(line: string, length: number): number {
    const { starts, ends, rules, count: numMasks } = this.scanner
    const units = this.#units
    const kinds = this.#kinds
    let mask = 0
    let maskAt = numMasks > 0 ? starts[0]! : length
    let unit = 0
    let at = 0
    let isGlued = 0
    while (at < length) {
      // White space before a token.
      if (at !== maskAt && kinds[line.charCodeAt(at)] === CharKind.space) {
        at++
        continue
      }
      if (this.count === this.#maxTokens) return at
      const token = this.count
      const unitStart = unit
      const rawStart = at
      let hash = HASH_SEED
      let all = 0
      let first = -1
      let firstTrailing = -1
      let masks = 0
      while (at < length) {
        if (at === maskAt) {
          const replacement = this.#replacements[rules[mask]!]!
          const { units: text, kinds: textKinds } = replacement
          if (firstTrailing < 0 && textKinds.firstTrailing >= 0)
            firstTrailing = unit - unitStart + textKinds.firstTrailing
          for (let i = 0; i < text.length; i++) {
            units[unit++] = text[i]!
            hash = hashUnit(hash, text[i]!)
          }
          if (first < 0) first = textKinds.first
          all |= textKinds.all
          masks++
          at = ends[mask++]!
          maskAt = mask < numMasks ? starts[mask]! : length
          continue
        }
        const c = line.charCodeAt(at)
        const kind = kinds[c]!
        if (kind === CharKind.space) break
        units[unit++] = c
        hash = hashUnit(hash, c)
        if (first < 0) first = kind
        if (kind === CharKind.trailing && firstTrailing < 0) firstTrailing = unit - 1 - unitStart
        at++
        if ((kind & CharKind.equals) !== 0 && this.#splitsAfter(line, at, length, all, maskAt)) {
          all |= kind
          isGlued |= 2
          break
        }
        all |= kind
      }
      const isWhole = masks === 1 && unit - unitStart === this.#replacements[rules[mask - 1]!]!.units.length
      const isNumbered = masks === 0 && (all & CharKind.digit) !== 0
      const isVariable = masks > 0 || isNumbered
      if (isVariable && this.#joins(token, isGlued, isWhole, isNumbered)) {
        unit = this.#join(token - 1, at)
      } else {
        this.count = token + 1
        this.ids[token] = this.table.find(units, unitStart, unit, hash)
        this.isWord[token] = isPlainWord(all, first, unit - unitStart, firstTrailing) ? 1 : 0
        this.isVariable[token] = masks > 0 ? 2 : isNumbered ? 1 : 0
        this.#listKind[token] = isWhole ? 2 : isNumbered ? 1 : 0
        this.isGlued[token] = isGlued & 1
        this.isJoined[token] = 0
        this.rawStart[token] = rawStart
        this.rawEnd[token] = at
        this.#unitStart[token] = unitStart
        this.#unitEnd[token] = unit
      }
      isGlued >>= 1
    }
    return at
  }

  /** Whether `key=` ends here: the key looks like one and a value follows at once. */
  #splitsAfter(line: string, at: number, length: number, before: number, maskAt: number): boolean {
    if (!this.#splitKeyValue || before === 0 || at >= length) return false
    if ((before & (CharKind.notKey | CharKind.equals)) !== 0) return false
    if (at === maskAt) return true
    const next = this.#kinds[line.charCodeAt(at)]!
    return next !== CharKind.space && (next & CharKind.equals) === 0
  }

  /** Whether the token goes on a list that the one before began. */
  #joins(token: number, isGlued: number, isWhole: boolean, isNumbered: boolean): boolean {
    if (!this.#collapseLists || token === 0 || (isGlued & 1) !== 0) return false
    if (!isWhole && !isNumbered) return false
    if (this.isJoined[token - 1] === 1) return true
    return this.#listKind[token - 1] === (isWhole ? 2 : 1)
  }

  /** Makes the token the list up to `at`; returns the next free unit. */
  #join(token: number, at: number): number {
    const start = this.#unitStart[token]!
    this.#units.set(this.#wildcardUnits, start)
    this.#unitEnd[token] = start + 3
    this.ids[token] = MASKED
    this.isWord[token] = 0
    this.isVariable[token] = 2
    this.#listKind[token] = 2
    this.isJoined[token] = 1
    this.rawEnd[token] = at
    return start + 3
  }

  /** Makes one wildcard of what lies beyond the parsed part; a token that the cut hits goes with it. */
  #cut(end: number, lineLength: number): void {
    const last = this.count - 1
    const isHit = last >= 0 && (this.rawEnd[last] === end || this.isJoined[last] === 1)
    const token = isHit ? last : this.count
    if (!isHit) {
      this.count++
      this.rawStart[token] = end
      this.isGlued[token] = 0
      this.#unitStart[token] = last < 0 ? 0 : this.#unitEnd[last]!
    }
    this.#join(token, lineLength)
  }
}
