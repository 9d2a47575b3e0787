import { CaptureFinder } from './capture.js'
import { LazyDfa } from './lazy-dfa.js'
import { lengthBounds, type Node } from './node.js'
import { OnePassCaptures } from './one-pass.js'
import { type Alphabet, buildAlphabet, compileProgram } from './program.js'
import { Scan, scanBackward, scanForward } from './scan.js'
import { type Parsed, parsePattern } from './syntax.js'

/** Bounds of a match and of its first capture group (-1 where the group took no part or the pattern has none). */
export interface RegexMatch {
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly group1Start: number
  readonly group1End: number
}

/** Failed tries at a literal prefix before the search goes on unit by unit, which keeps it linear. */
const MAX_PREFIX_TRIES = 4

/**
 * A regular expression searched in time linear in the text, whatever the pattern, with the preferences of Perl and
 * RE2: the leftmost match, and there the earliest alternative and the greediness written.
 *
 * Syntax: literals; `.`; classes `[a-z]`, `[^...]`, `[[:alpha:]]`; `\d \w \s` and their opposites (ASCII), `\p{L}` and
 * other Unicode properties, `\t \n \v \f \r \0 \xHH \uHHHH`; groups `(...)`, `(?:...)`, `(?<name>...)`; `|`; `* + ?
 * {n} {n,} {n,m}` and their lazy forms; `^ $ \A \z \b \B`; look-arounds of one character class, such as
 * `(?<![0-9])`; flags `(?i)` (ASCII letters), `(?s)`, `(?m)`. No back-references and no longer look-arounds: they
 * cannot be searched in linear time. Texts are UTF-16 code units, as in a native RegExp without the flag `u`.
 */
export class LinearRegex {
  readonly #alphabet: Alphabet
  readonly #forward: LazyDfa
  readonly #anchored: LazyDfa
  readonly #backward: LazyDfa
  readonly #captures: CaptureFinder | OnePassCaptures | undefined
  readonly #prefix: string
  readonly #fixedLength: number
  /** Units of the match before and after the first group where both are fixed. */
  readonly #groupOffsets: readonly [number, number] | undefined
  readonly #scan = new Scan()

  private constructor(
    readonly pattern: string,
    parsed: Parsed,
  ) {
    const nodes = [parsed.node]
    this.#alphabet = buildAlphabet(nodes, [pattern])
    const program = compileProgram(nodes, this.#alphabet, [pattern])
    this.#forward = new LazyDfa(program, 'leftmost')
    this.#anchored = new LazyDfa(program, 'anchored')
    this.#backward = new LazyDfa(compileProgram(nodes, this.#alphabet, [pattern], true), 'longest')
    const [min, max] = lengthBounds(parsed.node)
    this.#fixedLength = min === max ? min : -1
    this.#prefix = literalPrefix(parsed.node)
    this.#groupOffsets = groupOffsets(parsed.node)
    const needsCaptures = parsed.numCaptures > 0 && this.#groupOffsets === undefined
    this.#captures = needsCaptures ? (OnePassCaptures.of(program) ?? new CaptureFinder(program)) : undefined
  }

  /** Throws PatternError when the pattern is not in the syntax above, or too large. */
  static compile(pattern: string): LinearRegex {
    return new LinearRegex(pattern, parsePattern(pattern))
  }

  /** The first match at or after `from`. */
  find(text: string, from = 0): RegexMatch | undefined {
    const start = this.#search(text, from)
    if (start < 0) return undefined
    const end = this.#scan.end
    if (this.#groupOffsets !== undefined) {
      const [before, after] = this.#groupOffsets
      return { start, end, group1Start: start + before, group1End: end - after }
    }
    if (this.#captures === undefined) return { start, end, group1Start: -1, group1End: -1 }
    this.#captures.find(text, start, end)
    return { start, end, group1Start: this.#captures.groupStart, group1End: this.#captures.groupEnd }
  }

  /** The text of the first match's first group, or of the whole match when the pattern has no group or it took no part. */
  extract(text: string): string | undefined {
    const start = this.#search(text, 0)
    if (start < 0) return undefined
    const end = this.#scan.end
    if (this.#groupOffsets !== undefined) {
      return text.slice(start + this.#groupOffsets[0], end - this.#groupOffsets[1])
    }
    if (this.#captures === undefined) return text.slice(start, end)
    this.#captures.find(text, start, end)
    const { groupStart, groupEnd } = this.#captures
    return groupStart < 0 || groupEnd < 0 ? text.slice(start, end) : text.slice(groupStart, groupEnd)
  }

  test(text: string): boolean {
    return this.#search(text, 0) >= 0
  }

  /** Start of the first match, its end in `#scan.end`, or -1. */
  #search(text: string, from: number): number {
    const { classOf } = this.#alphabet
    let at = from
    if (this.#prefix !== '') {
      for (let tries = 0; tries < MAX_PREFIX_TRIES; tries++) {
        at = text.indexOf(this.#prefix, at)
        if (at < 0) return -1
        scanForward(this.#anchored, classOf, text, at, text.length, this.#scan)
        if (this.#scan.end >= 0) return at
        at++
      }
    }
    scanForward(this.#forward, classOf, text, at, text.length, this.#scan)
    const { start, end } = this.#scan
    if (end < 0 || start >= 0) return start
    if (this.#fixedLength >= 0) return end - this.#fixedLength
    return scanBackward(this.#backward, classOf, text, at, end, text.length)
  }
}

/** Literal text that every match begins with. */
function literalPrefix(node: Node): string {
  if (node.kind === 'capture') return literalPrefix(node.item)
  const items = node.kind === 'concat' ? node.items : [node]
  let prefix = ''
  for (const item of items) {
    if (item.kind === 'set' && item.set.length === 2 && item.set[0] === item.set[1]) {
      prefix += String.fromCharCode(item.set[0]!)
    } else break
  }
  return prefix
}

function groupOffsets(node: Node): readonly [number, number] | undefined {
  const items = node.kind === 'concat' ? node.items : [node]
  const place = items.findIndex(item => item.kind === 'capture' && item.index === 1)
  if (place < 0) return undefined
  const before = lengthBounds({ kind: 'concat', items: items.slice(0, place) })
  const after = lengthBounds({ kind: 'concat', items: items.slice(place + 1) })
  return before[0] === before[1] && after[0] === after[1] ? [before[0], after[0]] : undefined
}
