/** Taken places at the front that are put up with before the rest is moved up. */
const MIN_GAP = 256

/** A queue whose `shift` stays cheap when it is long; an array's moves everything up each time. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  /** The item that is next. */
  peek(): T | undefined {
    return this.#items[this.#first]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#first]
    // Lets go of the item at once, not only when the place is given up.
    this.#items[this.#first++] = undefined
    if (this.#first >= MIN_GAP && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  /** Takes everything out, in order. */
  drain(): T[] {
    const items = this.#items.slice(this.#first) as T[]
    this.#items = []
    this.#first = 0
    return items
  }
}
