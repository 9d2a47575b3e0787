import { EDGE, holds, Op, type Program } from './program.js'

/** Transition to nowhere: no match can follow. */
export const DEAD = -1

const DEFAULT_MAX_STATES = 2_000

/**
 * Deterministic automaton built as texts are read, bounded in size: when it is full it starts over, so that time
 * stays linear in the text and memory constant, whatever the pattern and the text.
 *
 * A state is the ordered list of instructions its threads wait at (order is preference) and the bits of the unit
 * before. Assertions look one unit ahead, so a match is seen one unit after its end. `transitions[state + class]` is
 * 0 not built yet, `DEAD`, the next state, or less than `DEAD`: minus a next state whose threads found a match that
 * ended before the unit just read.
 */
export class LazyDfa {
  transitions: Int32Array
  /** Class that stands for the end of the text. */
  readonly endClass: number
  /** Rule of the match of the state at an offset into `transitions`, by `offset / stride`. */
  readonly ruleOf: number[] = []
  /** How often the automaton was full and started over. */
  numFlushes = 0
  readonly #stride: number
  readonly #threadsOf: Int32Array[] = []
  readonly #bitsOf: number[] = []
  readonly #ids = new Map<string, number>()
  readonly #visited: Int32Array
  readonly #queued: Int32Array
  #stamp = 0
  /** Start states by the class before, 0 where not built. */
  readonly #starts: Int32Array
  readonly #stack: number[] = []
  readonly #next: number[] = []
  #match = -1
  readonly #hasAssertions: boolean
  /** Whether a match has cut off the threads it is preferred to, new beginnings among them. */
  #isCut = false

  constructor(
    private readonly program: Program,
    /**
     * `leftmost` finds the preferred match of the leftmost place that has one, `anchored` the preferred one at the
     * first unit, `longest` the longest one there.
     */
    private readonly mode: 'leftmost' | 'anchored' | 'longest',
    private readonly maxStates = DEFAULT_MAX_STATES,
  ) {
    this.endClass = program.alphabet.numClasses
    this.#stride = this.endClass + 1
    this.#starts = new Int32Array(this.#stride)
    this.#visited = new Int32Array(program.ops.length).fill(-1)
    this.#queued = new Int32Array(program.ops.length + 1).fill(-1)
    this.#hasAssertions = program.assertions.length > 0
    this.transitions = new Int32Array(64 * this.#stride)
    this.#reset()
  }

  /** The state to begin in, given the class of the unit before (`endClass`: none). */
  start(classBefore: number): number {
    const known = this.#starts[classBefore]!
    if (known > 0) return known
    const threads = this.mode === 'leftmost' ? [] : [this.program.start]
    this.#isCut = false
    const state = this.#intern(threads, this.#bits(classBefore), -1)
    this.#starts[classBefore] = state
    return state
  }

  rule(state: number): number {
    return this.ruleOf[state / this.#stride]!
  }

  /** Builds the transition of a state on a class and returns it. Reload `transitions` afterwards. */
  build(state: number, unitClass: number): number {
    const id = state / this.#stride
    this.#step(this.#threadsOf[id]!, this.#bitsOf[id]!, unitClass)
    const isDead = this.#next.length === 0 && this.#match < 0 && this.#cannotRestart(unitClass)
    if (isDead) {
      this.transitions[state + unitClass] = DEAD
      return DEAD
    }
    const flushes = this.numFlushes
    const target = this.#intern(this.#next, this.#bits(unitClass), this.#match)
    const value = this.#match >= 0 ? -target : target
    if (flushes === this.numFlushes) this.transitions[state + unitClass] = value
    return value
  }

  #cannotRestart(unitClass: number): boolean {
    return this.mode !== 'leftmost' || this.#isCut || unitClass === this.endClass
  }

  #bits(unitClass: number): number {
    if (!this.#hasAssertions) return 0
    return unitClass === this.endClass ? EDGE : this.program.alphabet.bitsOf[unitClass]!
  }

  #reset(): void {
    this.transitions.fill(0)
    this.#starts.fill(0)
    this.#ids.clear()
    this.#threadsOf.length = 1
    this.#bitsOf.length = 1
    this.ruleOf.length = 1
  }

  #intern(threads: readonly number[], bits: number, match: number): number {
    // A list that was cut by a match must not begin anew: mark it, as its lowest preference is gone.
    const cut = this.#isCut ? 1 : 0
    const name = String.fromCharCode(match + 1, cut, bits & 0xffff, bits >>> 16, ...threads)
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    if (this.#threadsOf.length > this.maxStates) {
      this.#reset()
      this.numFlushes++
    }
    const id = this.#threadsOf.length
    const state = id * this.#stride
    if (state + this.#stride > this.transitions.length) {
      const grown = new Int32Array(this.transitions.length * 2)
      grown.set(this.transitions)
      this.transitions = grown
    }
    this.#threadsOf.push(Int32Array.from(cut === 1 ? [...threads, -1] : threads))
    this.#bitsOf.push(bits)
    this.ruleOf.push(match)
    this.#ids.set(name, state)
    return state
  }

  /** Leaves in `#next` the threads after the unit and in `#match` the rule that matched before it, or -1. */
  #step(threads: Int32Array, before: number, unitClass: number): void {
    this.#stamp++
    this.#next.length = 0
    this.#match = -1
    this.#isCut = false
    const after = this.#bits(unitClass)
    for (const thread of threads) {
      if (thread < 0) this.#isCut = true
      else if (this.#follow(thread, before, after, unitClass)) break
    }
    if (this.mode === 'leftmost' && !this.#isCut) {
      this.#follow(this.program.start, before, after, unitClass)
    }
  }

  /** Follows a thread through the instructions that read nothing; true when a match cuts the less preferred off. */
  #follow(thread: number, before: number, after: number, unitClass: number): boolean {
    const { ops, xs, ys, assertions, setHasClass } = this.program
    const stack = this.#stack
    stack.length = 0
    stack.push(thread)
    while (stack.length > 0) {
      const at = stack.pop()!
      if (this.#visited[at] === this.#stamp) continue
      this.#visited[at] = this.#stamp
      const x = xs[at]!
      switch (ops[at]) {
        case Op.set:
          if (unitClass !== this.endClass && setHasClass[x]![unitClass] === 1) this.#queue(at + 1)
          break
        case Op.split:
          stack.push(ys[at]!, x)
          break
        case Op.jump:
          stack.push(x)
          break
        case Op.assert:
          if (holds(assertions[x]!, before, after)) stack.push(at + 1)
          break
        case Op.save:
          stack.push(at + 1)
          break
        default:
          this.#match = this.#match < 0 ? x : this.#match
          if (this.mode !== 'longest') {
            this.#isCut = true
            return true
          }
      }
    }
    return false
  }

  #queue(at: number): void {
    if (this.#queued[at] === this.#stamp) return
    this.#queued[at] = this.#stamp
    this.#next.push(at)
  }
}
