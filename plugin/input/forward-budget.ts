/** Bytes that all connections together have given to the handler and not got back. */
export class InFlightBudget {
  #used = 0
  /** Connections that stopped reading because of this budget. */
  readonly #waiting = new Set<() => void>()

  /** @param maxBytes from here on reading stops; what is already read may pass it a little */
  constructor(readonly maxBytes: number) {}

  get usedBytes(): number {
    return this.#used
  }

  get isFull(): boolean {
    return this.#used >= this.maxBytes
  }

  take(bytes: number): void {
    this.#used += bytes
  }

  release(bytes: number): void {
    this.#used -= bytes
    if (this.isFull) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  /** Calls `resume` once when there is room again. */
  onRoom(resume: () => void): void {
    this.#waiting.add(resume)
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume)
  }
}
