import { EDGE, holds, Op, type Program } from './program.js'

/** Transition to nowhere: no match can follow. */
export const DEAD = -1

const DEFAULT_MAX_STATES = 2_000

/**
 * Deterministic automaton built as texts are read, bounded in size: when it is full it starts over, so that time
 * stays linear in the text and memory constant, whatever the pattern and the text.
 *
 * A state is the ordered list of instructions its threads wait at (order is preference, so threads that began earlier
 * come first) and the bits of the unit before. Assertions look one unit ahead, so a match is seen one unit after its
 * end. `transitions[state + class]` is 0 not built yet, `DEAD`, the next state, or less than `DEAD`: minus a next state
 * at which something is to be noted. Either `rule` is a rule, which matched up to before the unit just read; or it is
 * -1, and all threads there are began at the unit just read.
 *
 * To know where a match began without reading it again backwards, a state also counts its oldest threads, those that
 * began first: while some of them live, they began where it was noted. When they die before the others, the place is
 * lost, and `knowsStart` says so at a match.
 */
export class LazyDfa {
  transitions: Int32Array
  /** Class that stands for the end of the text. */
  readonly endClass: number
  /** How often the automaton was full and started over. */
  numFlushes = 0
  readonly #stride: number
  /** By state over stride, as the arrays that follow: its threads, and -1 at the end when no thread may begin any more. */
  readonly #threadsOf: Int32Array[] = []
  readonly #bitsOf: number[] = []
  readonly #numOldestOf: number[] = []
  readonly #ruleOf: number[] = []
  readonly #knowsStartOf: boolean[] = []
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
  /** Of `#next`, the threads that began first; -1 when it is lost where that was. */
  #numOldest = 0
  #isFresh = false
  #knowsStart = false

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
    this.#match = -1
    this.#numOldest = 0
    this.#isFresh = false
    this.#knowsStart = false
    const state = this.#intern(threads, this.#bits(classBefore))
    this.#starts[classBefore] = state
    return state
  }

  rule(state: number): number {
    return this.#ruleOf[state / this.#stride]!
  }

  /** At a match: whether it began where threads were last noted to begin. */
  knowsStart(state: number): boolean {
    return this.#knowsStartOf[state / this.#stride]!
  }

  /** Builds the transition of a state on a class and returns it. Reload `transitions` afterwards. */
  build(state: number, unitClass: number): number {
    const id = state / this.#stride
    this.#step(this.#threadsOf[id]!, this.#numOldestOf[id]!, this.#bitsOf[id]!, unitClass)
    const isDead = this.#next.length === 0 && this.#match < 0 && this.#cannotRestart(unitClass)
    if (isDead) {
      this.transitions[state + unitClass] = DEAD
      return DEAD
    }
    const flushes = this.numFlushes
    const target = this.#intern(this.#next, this.#bits(unitClass))
    const value = this.#match >= 0 || this.#isFresh ? -target : target
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
    this.#numOldestOf.length = 1
    this.#ruleOf.length = 1
    this.#knowsStartOf.length = 1
  }

  #intern(threads: readonly number[], bits: number): number {
    const flags = (this.#isCut ? 1 : 0) | (this.#isFresh ? 2 : 0) | (this.#knowsStart ? 4 : 0)
    const numbers = [this.#match + 1, flags, this.#numOldest + 1, bits & 0xffff, bits >>> 16]
    const name = String.fromCharCode(...numbers, ...threads)
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
    // A list that was cut by a match must not begin anew.
    this.#threadsOf.push(Int32Array.from(this.#isCut ? [...threads, -1] : threads))
    this.#bitsOf.push(bits)
    this.#numOldestOf.push(this.#numOldest)
    this.#ruleOf.push(this.#match)
    this.#knowsStartOf.push(this.#knowsStart)
    this.#ids.set(name, state)
    return state
  }

  /** Leaves in `#next` the threads after the unit and in `#match` the rule that matched before it, or -1. */
  #step(threads: Int32Array, numOldest: number, before: number, unitClass: number): void {
    this.#stamp++
    this.#next.length = 0
    this.#match = -1
    this.#isCut = false
    this.#knowsStart = false
    const after = this.#bits(unitClass)
    let numSurvivors = -1
    for (let i = 0; i < threads.length; i++) {
      if (i === numOldest) numSurvivors = this.#next.length
      const thread = threads[i]!
      if (thread < 0) this.#isCut = true
      else if (this.#follow(thread, before, after, unitClass)) {
        this.#knowsStart = i < numOldest
        break
      }
    }
    if (numSurvivors < 0 && numOldest >= 0) numSurvivors = this.#next.length
    const numOld = this.#next.length
    if (this.mode === 'leftmost') {
      if (!this.#isCut) this.#follow(this.program.start, before, after, unitClass)
      this.#noteOldest(numSurvivors, numOld)
    }
  }

  #noteOldest(numSurvivors: number, numOld: number): void {
    this.#isFresh = numOld === 0 && this.#next.length > 0
    if (numSurvivors > 0) this.#numOldest = numSurvivors
    else this.#numOldest = numOld > 0 ? -1 : this.#next.length
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
