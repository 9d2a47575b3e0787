import type { Deliver } from './store/session-store.js'

/** Closes sessions, and waits for the delivery of their summaries where that matters to it. */
export type ClosingTask = (deliver: Deliver) => Promise<void>

/**
 * The way of summaries from the store to the outputs. A stage that stops waits until the outputs have been given all of them, and not until they
 * have delivered them: an output whose receiver is away says when it is closed how long it goes on trying.
 */
export class SummaryHandOver {
  /** Tasks that may still close sessions. */
  readonly #begun = new Set<Promise<void>>()
  #lastDeliveries: Promise<unknown> = Promise.resolve()

  /** @param onFailure told of tasks and deliveries that failed */
  constructor(
    readonly deliver: Deliver,
    readonly onFailure: (error: unknown) => void,
  ) {}

  /** Starts a task whose deliveries are its own to wait for. */
  start(task: ClosingTask): void {
    const isHandedOver = new Promise<void>(resolve => {
      const deliver: Deliver = (summaries, name) => {
        const delivered = this.deliver(summaries, name)
        resolve()
        return delivered
      }
      task(deliver).catch(this.onFailure).finally(resolve)
    })
    this.#begun.add(isHandedOver)
    void isHandedOver.then(() => this.#begun.delete(isHandedOver))
  }

  /** Does the last task; resolves when the outputs have been given what this one and those before closed. */
  async finish(task: ClosingTask): Promise<void> {
    await Promise.all(this.#begun)
    const deliveries: Promise<void>[] = []
    await task(async (summaries, name) => {
      deliveries.push(this.deliver(summaries, name).catch(this.onFailure))
    }).catch(this.onFailure)
    this.#lastDeliveries = Promise.all(deliveries)
  }

  /** Resolves when what `finish` handed over is delivered or has failed. */
  async settled(): Promise<void> {
    await this.#lastDeliveries
  }
}
