/**
 * Groups what a source yields: each batch is all that has come since the last one was asked for, at least one item and at most `max`. So a fast
 * source is taken in large batches and a slow one item by item, without delay.
 */
export async function* batches<T>(source: AsyncIterable<T> | Iterable<T>, max: number): AsyncGenerator<T[]> {
  const reader = new Reader(source, max)
  try {
    for (let batch = await reader.take(); batch.length > 0; batch = await reader.take()) yield batch
  } finally {
    reader.stop()
  }
}

/** Reads ahead of its taker, at most `max` items. */
class Reader<T> {
  #items: T[] = []
  #isOver = false
  #isStopped = false
  #failure: { readonly error: unknown } | undefined
  #changed = (): void => {}

  constructor(
    source: AsyncIterable<T> | Iterable<T>,
    readonly max: number,
  ) {
    this.#read(source).then(
      () => this.#end(undefined),
      (error: unknown) => this.#end({ error }),
    )
  }

  /** All that was read, at least one item; none at the end. */
  async take(): Promise<T[]> {
    while (this.#items.length === 0 && !this.#isOver) await this.#change()
    const taken = this.#items
    this.#items = []
    if (taken.length === 0 && this.#failure !== undefined) throw this.#failure.error
    this.#wake()
    return taken
  }

  stop(): void {
    this.#isStopped = true
    this.#wake()
  }

  async #read(source: AsyncIterable<T> | Iterable<T>): Promise<void> {
    for await (const item of source) {
      this.#items.push(item)
      this.#wake()
      while (this.#items.length >= this.max && !this.#isStopped) await this.#change()
      if (this.#isStopped) return
    }
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    this.#failure = failure
    this.#isOver = true
    this.#wake()
  }

  /** Resolves at the next wake. Reader and taker never wait at the same time: one waits for items, the other for room. */
  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#changed = resolve
    })
  }

  #wake(): void {
    this.#changed()
    this.#changed = () => {}
  }
}
