import { PatternError } from '../errors.js'
import { type CharSet, contains, WORD } from './char-set.js'
import type { Assertion, Node } from './node.js'

/** Instructions of the automaton; `x` and `y` are targets or operands. */
export const Op = { set: 0, split: 1, jump: 2, assert: 3, match: 4, save: 5 } as const

/** Facts about a unit that assertions test: bit 31 is "no unit here, the text ends"; the others are sets. */
export const EDGE = 1 << 31

export interface CompiledAssertion {
  readonly side: 'before' | 'after' | 'boundary'
  readonly bit: number
  readonly isNegated: boolean
}

/** Patterns compiled together: one automaton over classes of units that no pattern tells apart. */
export interface Program {
  readonly ops: Uint8Array
  readonly xs: Int32Array
  readonly ys: Int32Array
  readonly start: number
  readonly assertions: readonly CompiledAssertion[]
  readonly alphabet: Alphabet
  /** One row of `numClasses` flags a set. */
  readonly setHasClass: readonly Uint8Array[]
}

/** Classes of units. */
export interface Alphabet {
  /** Class of each of the 65,536 units. */
  readonly classOf: Uint8Array
  readonly numClasses: number
  /** For each class the assertion sets it lies in. */
  readonly bitsOf: Int32Array
  readonly assertionSets: readonly CharSet[]
}

const MAX_INSTRUCTIONS = 4_000
const MAX_CLASSES = 255
const MAX_ASSERTION_SETS = 30

/** Builds the classes of units for patterns that run side by side. */
export function buildAlphabet(nodes: readonly Node[], patterns: readonly string[]): Alphabet {
  const all = new Map<string, CharSet>()
  const asserted = new Map<string, CharSet>()
  for (const node of nodes) collectSets(node, all, asserted)
  const cuts = new Set<number>([0])
  for (const set of [...all.values(), ...asserted.values()]) {
    for (let i = 0; i < set.length; i += 2) cuts.add(set[i]!).add(set[i + 1]! + 1)
  }
  const assertionSets = [...asserted.values()]
  if (assertionSets.length > MAX_ASSERTION_SETS) {
    throw new PatternError(patterns[0] ?? '', 0, 'too many different look-arounds')
  }
  return classify(cuts, [...all.values()], assertionSets, patterns)
}

/** Gives two stretches of units one class when the same sets hold both. */
function classify(
  cuts: ReadonlySet<number>,
  sets: readonly CharSet[],
  assertionSets: readonly CharSet[],
  patterns: readonly string[],
): Alphabet {
  const classOf = new Uint8Array(65_536)
  const classes = new Map<string, number>()
  const bits: number[] = []
  const starts = [...cuts].filter(cut => cut <= 0xffff).sort((a, b) => a - b)
  for (const [i, low] of starts.entries()) {
    const held = (set: CharSet) => (contains(set, low) ? '1' : '0')
    const signature = sets.map(held).join('') + assertionSets.map(held).join('')
    let id = classes.get(signature)
    if (id === undefined) {
      id = classes.size
      if (id >= MAX_CLASSES) throw new PatternError(patterns[0] ?? '', 0, 'too many character classes')
      classes.set(signature, id)
      bits.push(assertionSets.reduce((sum, set, bit) => (contains(set, low) ? sum | (1 << bit) : sum), 0))
    }
    classOf.fill(id, low, starts[i + 1] ?? 65_536)
  }
  return { classOf, numClasses: classes.size, bitsOf: Int32Array.from(bits), assertionSets }
}

function collectSets(node: Node, all: Map<string, CharSet>, asserted: Map<string, CharSet>): void {
  if (node.kind === 'set') all.set(String(node.set), node.set)
  else if (node.kind === 'assert') {
    const set = assertedSet(node.assertion)
    if (set !== undefined) asserted.set(String(set), set)
  } else if (node.kind === 'concat' || node.kind === 'alternate') {
    for (const item of node.items) collectSets(item, all, asserted)
  } else if (node.kind !== 'empty') collectSets(node.item, all, asserted)
}

function assertedSet(assertion: Assertion): CharSet | undefined {
  if (assertion.kind === 'boundary') return WORD
  return assertion.kind === 'before' || assertion.kind === 'after' ? assertion.set : undefined
}

/** Compiles nodes, the earlier the more preferred; rule i ends in `match i`. `isReversed` reads texts backwards. */
export function compileProgram(
  nodes: readonly Node[],
  alphabet: Alphabet,
  patterns: readonly string[],
  isReversed = false,
): Program {
  return new Compiler(alphabet, patterns, isReversed).compile(nodes)
}

class Compiler {
  readonly #ops: number[] = []
  readonly #xs: number[] = []
  readonly #ys: number[] = []
  readonly #assertions: CompiledAssertion[] = []
  readonly #sets: Uint8Array[] = []
  readonly #setIds = new Map<string, number>()
  #current = 0

  constructor(
    private readonly alphabet: Alphabet,
    private readonly patterns: readonly string[],
    private readonly isReversed: boolean,
  ) {}

  compile(nodes: readonly Node[]): Program {
    for (const [rule, node] of nodes.entries()) {
      this.#current = rule
      const split = rule + 1 < nodes.length ? this.#emit(Op.split, this.#ops.length + 1, 0) : -1
      this.#node(node)
      this.#emit(Op.match, rule, 0)
      if (split >= 0) this.#ys[split] = this.#ops.length
    }
    return {
      ops: Uint8Array.from(this.#ops),
      xs: Int32Array.from(this.#xs),
      ys: Int32Array.from(this.#ys),
      start: 0,
      assertions: this.#assertions,
      alphabet: this.alphabet,
      setHasClass: this.#sets,
    }
  }

  #emit(op: number, x: number, y: number): number {
    if (this.#ops.length >= MAX_INSTRUCTIONS) {
      throw new PatternError(this.patterns[this.#current] ?? '', 0, 'too large (shorten its counted repeats)')
    }
    this.#ops.push(op)
    this.#xs.push(x)
    this.#ys.push(y)
    return this.#ops.length - 1
  }

  #node(node: Node): void {
    switch (node.kind) {
      case 'empty':
        return
      case 'set':
        this.#emit(Op.set, this.#setId(node.set), 0)
        return
      case 'concat':
        for (const item of this.isReversed ? [...node.items].reverse() : node.items) this.#node(item)
        return
      case 'alternate':
        this.#alternate(node.items)
        return
      case 'repeat':
        this.#repeat(node.item, node.min, node.max, node.isLazy)
        return
      case 'capture':
        this.#capture(node.index, node.item)
        return
      case 'assert':
        this.#assertions.push(this.#assertion(node.assertion))
        this.#emit(Op.assert, this.#assertions.length - 1, 0)
    }
  }

  #capture(index: number, item: Node): void {
    if (index !== 1 || this.isReversed) {
      this.#node(item)
      return
    }
    this.#emit(Op.save, 0, 0)
    this.#node(item)
    this.#emit(Op.save, 1, 0)
  }

  #alternate(items: readonly Node[]): void {
    const jumps: number[] = []
    for (const [i, item] of items.entries()) {
      if (i === items.length - 1) {
        this.#node(item)
        break
      }
      const split = this.#emit(Op.split, this.#ops.length + 1, 0)
      this.#node(item)
      jumps.push(this.#emit(Op.jump, 0, 0))
      this.#ys[split] = this.#ops.length
    }
    for (const jump of jumps) this.#xs[jump] = this.#ops.length
  }

  #repeat(item: Node, min: number, max: number, isLazy: boolean): void {
    for (let i = 0; i < min; i++) this.#node(item)
    if (max === Number.POSITIVE_INFINITY) {
      const split = this.#emit(Op.split, 0, 0)
      this.#node(item)
      this.#emit(Op.jump, split, 0)
      this.#point(split, isLazy, split + 1, this.#ops.length)
      return
    }
    const splits: number[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#emit(Op.split, 0, 0))
      this.#node(item)
    }
    for (const split of splits) this.#point(split, isLazy, split + 1, this.#ops.length)
  }

  #point(split: number, isLazy: boolean, into: number, past: number): void {
    this.#xs[split] = isLazy ? past : into
    this.#ys[split] = isLazy ? into : past
  }

  #setId(set: CharSet): number {
    const name = String(set)
    let id = this.#setIds.get(name)
    if (id === undefined) {
      id = this.#sets.length
      this.#setIds.set(name, id)
      const row = new Uint8Array(this.alphabet.numClasses)
      for (let i = 0; i < set.length; i += 2) {
        for (let unit = set[i]!; unit <= set[i + 1]!; unit++) row[this.alphabet.classOf[unit]!] = 1
      }
      this.#sets.push(row)
    }
    return id
  }

  #assertion(assertion: Assertion): CompiledAssertion {
    if (assertion.kind === 'textStart' || assertion.kind === 'textEnd') {
      const isBefore = (assertion.kind === 'textStart') !== this.isReversed
      return { side: isBefore ? 'before' : 'after', bit: EDGE, isNegated: false }
    }
    const bit =
      1 << this.alphabet.assertionSets.findIndex(set => String(set) === String(assertedSet(assertion)))
    if (assertion.kind === 'boundary') return { side: 'boundary', bit, isNegated: assertion.isNegated }
    const isBefore = (assertion.kind === 'before') !== this.isReversed
    return { side: isBefore ? 'before' : 'after', bit, isNegated: assertion.isNegated }
  }
}

/** Whether an assertion holds between two units given their bits. */
export function holds(assertion: CompiledAssertion, before: number, after: number): boolean {
  const { side, bit } = assertion
  const isTrue =
    side === 'boundary' ? ((before ^ after) & bit) !== 0 : ((side === 'before' ? before : after) & bit) !== 0
  return isTrue !== assertion.isNegated
}
