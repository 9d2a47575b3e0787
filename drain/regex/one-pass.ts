import { Op, type Program } from './program.js'

/** Larger tables are not made. */
const MAX_ENTRIES = 2 ** 16
const EFFECT_BITS = 3
const STARTS = 1
const ENDS = 2
const CLEARS_END = 4

/**
 * Finds the bounds of the first capture group inside a match whose bounds are known, in one walk without threads: for patterns where the next unit
 * always tells which way to go on (one-pass, as RE2 calls them). `CaptureFinder` finds the same, a test holds them equal.
 */
export class OnePassCaptures {
  groupStart = -1
  groupEnd = -1
  readonly #stride: number
  /** By instruction waited at and class of the unit: the instruction after it, and what happens to the group before the unit; 0 for nowhere. */
  readonly #table: Int32Array
  /** By instruction: what happens to the group where the match ends there. */
  readonly #atMatch: Int32Array

  private constructor(private readonly program: Program) {
    const { ops, alphabet } = program
    this.#stride = alphabet.numClasses
    this.#table = new Int32Array(ops.length * this.#stride)
    this.#atMatch = new Int32Array(ops.length)
  }

  /** @returns undefined where a pattern is not of this kind, or looks around */
  static of(program: Program): OnePassCaptures | undefined {
    const { ops, assertions, alphabet } = program
    if (assertions.length > 0 || ops.length * alphabet.numClasses > MAX_ENTRIES) return undefined
    const captures = new OnePassCaptures(program)
    return captures.#isBuilt() ? captures : undefined
  }

  /** Leaves the group's bounds in `groupStart` and `groupEnd`; -1 when it took no part in the match. */
  find(text: string, start: number, end: number): void {
    const { classOf } = this.program.alphabet
    this.groupStart = -1
    this.groupEnd = -1
    let state = this.program.start
    for (let at = start; at < end; at++) {
      const next = this.#table[state * this.#stride + classOf[text.charCodeAt(at)]!]!
      if ((next & (STARTS | ENDS | CLEARS_END)) !== 0) this.#apply(next, at)
      state = next >> EFFECT_BITS
    }
    this.#apply(this.#atMatch[state]!, end)
  }

  #apply(effect: number, at: number): void {
    if ((effect & STARTS) !== 0) this.groupStart = at
    if ((effect & ENDS) !== 0) this.groupEnd = at
    else if ((effect & CLEARS_END) !== 0) this.groupEnd = -1
  }

  /** @returns false as soon as a unit leads on in two ways */
  #isBuilt(): boolean {
    const states = [this.program.start]
    const isKnown = new Set(states)
    for (const state of states) {
      const targets = this.#build(state)
      if (targets === undefined) return false
      for (const target of targets) {
        if (isKnown.has(target)) continue
        isKnown.add(target)
        states.push(target)
      }
    }
    return true
  }

  /** Follows the instructions that read nothing, the preferred way first. @returns where units lead */
  #build(state: number): number[] | undefined {
    const { ops, xs, ys } = this.program
    const stack: [at: number, effect: number][] = [[state, 0]]
    const visited = new Set<number>()
    const targets: number[] = []
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [at, effect] = top
      if (visited.has(at)) continue
      visited.add(at)
      const x = xs[at]!
      if (ops[at] === Op.split) stack.push([ys[at]!, effect], [x, effect])
      else if (ops[at] === Op.jump) stack.push([x, effect])
      else if (ops[at] === Op.save)
        stack.push([at + 1, x === 0 ? STARTS | CLEARS_END : (effect & STARTS) | ENDS])
      else if (ops[at] === Op.match) this.#atMatch[state] = effect
      else if (!this.#enter(state, x, at + 1, effect)) return undefined
      else targets.push(at + 1)
    }
    return targets
  }

  #enter(state: number, set: number, target: number, effect: number): boolean {
    const hasClass = this.program.setHasClass[set]!
    for (let unitClass = 0; unitClass < this.#stride; unitClass++) {
      if (hasClass[unitClass] === 0) continue
      const entry = state * this.#stride + unitClass
      if (this.#table[entry] !== 0) return false
      this.#table[entry] = (target << EFFECT_BITS) | effect
    }
    return true
  }
}
