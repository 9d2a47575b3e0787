/** What a task leaves: its result, and what must settle before that counts. The next task may begin meanwhile. */
export interface Turn<T> {
  readonly prepared: Promise<void>
  readonly result: T
}

/** Runs tasks one after the other, in the order they come in. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves when the tasks there are by now have let the next one begin. */
  get idle(): Promise<void> {
    return this.#last
  }

  async run<T>(task: () => Promise<Turn<T>>): Promise<T> {
    const before = this.#last
    let next = (): void => {}
    this.#last = new Promise(resolve => {
      next = resolve
    })
    await before
    try {
      const { prepared, result } = await task()
      next()
      await prepared
      return result
    } finally {
      next()
    }
  }
}
