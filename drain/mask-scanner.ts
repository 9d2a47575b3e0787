import { type MaskRule, WILDCARD } from './mask.js'
import { LazyDfa } from './regex/lazy-dfa.js'
import { lengthBounds } from './regex/node.js'
import { type Alphabet, buildAlphabet, compileProgram } from './regex/program.js'
import { Scan, scanUnitsBackward, scanUnitsForward } from './regex/scan-units.js'
import { parsePattern } from './regex/syntax.js'

/** Units that the scan of one line may read in vain, per unit of the line and at least; see `MaskScanner`. */
const MAX_VAIN_PER_UNIT = 16
const MIN_VAIN = 1_024

/**
 * Finds all masks of a line in one pass with one automaton for all rules. Masks do not overlap: the leftmost wins, and
 * of those that begin together the rule listed first.
 *
 * Time is linear in the line: the automaton reads each unit once, and what it reads beyond the end of a match (to see
 * whether a preferred one follows) is bounded; should a rule exceed that bound on a line, the rest stays unmasked.
 */
export class MaskScanner {
  /** Masks found by the last scan: bounds and rules, `count` of them. */
  starts = new Int32Array(64)
  ends = new Int32Array(64)
  rules = new Int32Array(64)
  count = 0
  /** Automaton steps of the last scan. */
  steps = 0
  readonly replacements: readonly string[]
  readonly #alphabet: Alphabet
  readonly #forward: LazyDfa | undefined
  readonly #backward: readonly LazyDfa[]
  /** Length of the rule's matches, -1 where it varies. */
  readonly #fixedLengths: readonly number[]
  readonly #scan = new Scan()

  constructor(readonly maskRules: readonly MaskRule[]) {
    const patterns = maskRules.map(rule => rule.pattern)
    const nodes = patterns.map(pattern => parsePattern(pattern).node)
    this.#alphabet = buildAlphabet(nodes, patterns)
    const program = compileProgram(nodes, this.#alphabet, patterns)
    this.#forward = nodes.length === 0 ? undefined : new LazyDfa(program, 'leftmost')
    this.#backward = nodes.map(
      (node, i) => new LazyDfa(compileProgram([node], this.#alphabet, [patterns[i]!], true), 'longest'),
    )
    this.#fixedLengths = nodes.map(node => {
      const [min, max] = lengthBounds(node)
      return min === max ? min : -1
    })
    this.replacements = maskRules.map(rule => rule.replaceWith ?? WILDCARD)
  }

  /** Scans `units[start, end)` as a text of its own; what is found is in indexes of `units`. */
  scan(units: Uint16Array, start: number, end: number): void {
    this.count = 0
    this.steps = 0
    if (this.#forward === undefined) return
    const { classOf } = this.#alphabet
    const scan = this.#scan
    scan.textStart = start
    scan.textEnd = end
    let vain = (end - start) * MAX_VAIN_PER_UNIT + MIN_VAIN
    let from = start
    while (from < end && vain > 0) {
      scanUnitsForward(this.#forward, classOf, units, from, scan)
      this.steps += scan.stop - from
      const { matchEnd, rule } = scan
      if (matchEnd < 0) return
      vain -= scan.stop - matchEnd
      const matchStart = scan.matchStart >= 0 ? scan.matchStart : this.#findStart(units, from)
      this.#push(matchStart, matchEnd, rule)
      from = matchEnd
    }
  }

  /** The start of the match in `#scan` where the scan forwards could not tell. */
  #findStart(units: Uint16Array, from: number): number {
    const { matchEnd, rule } = this.#scan
    const fixed = this.#fixedLengths[rule]!
    if (fixed >= 0) return matchEnd - fixed
    const start = scanUnitsBackward(
      this.#backward[rule]!,
      this.#alphabet.classOf,
      units,
      from,
      matchEnd,
      this.#scan,
    )
    this.steps += matchEnd - start
    return start
  }

  #push(start: number, end: number, rule: number): void {
    if (this.count === this.starts.length) {
      this.starts = grow(this.starts)
      this.ends = grow(this.ends)
      this.rules = grow(this.rules)
    }
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.rules[this.count++] = rule
  }
}

function grow(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2)
  grown.set(array)
  return grown
}
