/**
 * Reads the items of a decoded msgpack array one after the other, each of the kind it must be. What was stored is not trusted: another program may
 * have written it.
 */
export class Unpacked {
  #next = 0

  /** @throws RangeError when `value` is no array */
  constructor(value: unknown) {
    if (!Array.isArray(value))
      throw new RangeError('stored state holds something else where a list should be')
    this.items = value
  }

  readonly items: readonly unknown[]

  get isOver(): boolean {
    return this.#next >= this.items.length
  }

  /** Whether the next item is a list. */
  get isList(): boolean {
    return Array.isArray(this.items[this.#next])
  }

  /** Any number, NaN and infinities too. @throws RangeError */
  number(): number {
    const value = this.#take()
    return typeof value === 'number' ? value : wrong('number')
  }

  /** A whole number from 0 on. @throws RangeError */
  count(): number {
    const value = this.number()
    return Number.isSafeInteger(value) && value >= 0 ? value : wrong('whole number')
  }

  /** @throws RangeError */
  text(): string {
    const value = this.#take()
    return typeof value === 'string' ? value : wrong('text')
  }

  /** A text, or undefined where nil was written. @throws RangeError */
  optionalText(): string | undefined {
    const value = this.#take()
    return value === null ? undefined : typeof value === 'string' ? value : wrong('text')
  }

  /** @throws RangeError */
  flag(): boolean {
    const value = this.#take()
    return typeof value === 'boolean' ? value : wrong('flag')
  }

  /** A map as it is. @throws RangeError */
  map(): Readonly<Record<string, unknown>> {
    const value = this.#take()
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isMap ? (value as Record<string, unknown>) : wrong('map')
  }

  /** What the next item, a list, holds. @throws RangeError */
  list(): Unpacked {
    return new Unpacked(this.#take())
  }

  /** The next item, a list of what `read` reads one by one; undefined where nil was written. @throws RangeError */
  optionalListOf<T>(read: (items: Unpacked) => T): T[] | undefined {
    if (this.items[this.#next] !== null) return this.listOf(read)
    this.#next++
    return undefined
  }

  /** @throws RangeError */
  listOf<T>(read: (items: Unpacked) => T): T[] {
    const list = this.list()
    const all: T[] = []
    while (!list.isOver) all.push(read(list))
    return all
  }

  #take(): unknown {
    return this.isOver ? wrong('item') : this.items[this.#next++]
  }
}

function wrong(kind: string): never {
  throw new RangeError(`stored state lacks a ${kind} where one should be`)
}
