import { EDGE, holds, Op, type Program } from './program.js'

/** Threads in order of preference, each with the bounds of the first capture group (-1: not entered). */
class ThreadList {
  readonly at: Int32Array
  readonly groupStart: Int32Array
  readonly groupEnd: Int32Array
  readonly #seen: Int32Array
  #stamp = 0
  size = 0

  constructor(size: number) {
    this.at = new Int32Array(size)
    this.groupStart = new Int32Array(size)
    this.groupEnd = new Int32Array(size)
    this.#seen = new Int32Array(size)
  }

  clear(): void {
    this.size = 0
    this.#stamp++
  }

  /** True the first time an instruction is reached at this position. */
  enter(at: number): boolean {
    if (this.#seen[at] === this.#stamp) return false
    this.#seen[at] = this.#stamp
    return true
  }

  push(at: number, groupStart: number, groupEnd: number): void {
    this.at[this.size] = at
    this.groupStart[this.size] = groupStart
    this.groupEnd[this.size++] = groupEnd
  }
}

/**
 * Finds the bounds of the first capture group inside a match whose bounds are known, by running all threads side by
 * side: time is the match's length times the pattern's size. Needed only where the group's place in the match is not
 * fixed.
 */
export class CaptureFinder {
  #now: ThreadList
  #next: ThreadList
  groupStart = -1
  groupEnd = -1

  constructor(private readonly program: Program) {
    this.#now = new ThreadList(program.ops.length)
    this.#next = new ThreadList(program.ops.length)
  }

  /** Leaves the group's bounds in `groupStart` and `groupEnd`; -1 when it took no part in the match. */
  find(text: string, start: number, end: number): void {
    this.groupStart = -1
    this.groupEnd = -1
    this.#now.clear()
    this.#add(this.#now, this.program.start, -1, -1, text, start)
    for (let at = start; at <= end && this.#now.size > 0; at++) {
      this.#step(text, at, end)
      const spent = this.#now
      this.#now = this.#next
      this.#next = spent
    }
  }

  #step(text: string, at: number, end: number): void {
    const { ops, xs, setHasClass, alphabet } = this.program
    const now = this.#now
    this.#next.clear()
    for (let i = 0; i < now.size; i++) {
      const instruction = now.at[i]!
      if (ops[instruction] === Op.match) {
        this.groupStart = now.groupStart[i]!
        this.groupEnd = now.groupEnd[i]!
        return
      }
      if (at < end && setHasClass[xs[instruction]!]![alphabet.classOf[text.charCodeAt(at)]!] === 1) {
        this.#add(this.#next, instruction + 1, now.groupStart[i]!, now.groupEnd[i]!, text, at + 1)
      }
    }
  }

  #add(
    list: ThreadList,
    first: number,
    groupStart: number,
    groupEnd: number,
    text: string,
    at: number,
  ): void {
    const { ops, xs, ys, assertions } = this.program
    const stack: number[] = [first, groupStart, groupEnd]
    while (stack.length > 0) {
      const to = stack.pop()!
      const from = stack.pop()!
      const instruction = stack.pop()!
      if (!list.enter(instruction)) continue
      const x = xs[instruction]!
      switch (ops[instruction]) {
        case Op.split:
          stack.push(ys[instruction]!, from, to, x, from, to)
          break
        case Op.jump:
          stack.push(x, from, to)
          break
        case Op.assert:
          if (holds(assertions[x]!, this.#bits(text, at - 1), this.#bits(text, at))) {
            stack.push(instruction + 1, from, to)
          }
          break
        case Op.save:
          if (x === 0) stack.push(instruction + 1, at, -1)
          else stack.push(instruction + 1, from, at)
          break
        default:
          list.push(instruction, from, to)
      }
    }
  }

  #bits(text: string, at: number): number {
    if (at < 0 || at >= text.length) return EDGE
    return this.program.alphabet.bitsOf[this.program.alphabet.classOf[text.charCodeAt(at)]!]!
  }
}
