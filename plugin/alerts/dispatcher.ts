import { setTimeout as sleep } from 'node:timers/promises'
import type { Counters } from '../chunk.js'
import { Fifo } from '../fifo.js'
import { retryDelayMs } from '../retry-delay.js'
import { type Alert, AlertDeliveryError, type Channel } from './alert.js'
import type { ResolvedAlertOptions } from './options.js'

/** Brings alerts to one channel, in order, with retries; those that cannot wait any more are dropped and counted. */
export class Dispatcher {
  readonly #queue = new Fifo<Alert>()
  readonly #closing = new AbortController()
  #work: Promise<void> | undefined

  constructor(
    readonly channel: Channel,
    readonly options: ResolvedAlertOptions,
    readonly counters: Counters,
  ) {}

  send(alert: Alert): void {
    if (this.#queue.length >= this.options.maxQueue) {
      this.#count('alerts_dropped_total')
      this.options.warn(`${this.channel.name}: too many alerts wait, one was dropped`)
      return
    }
    this.#queue.push(alert)
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined
    })
  }

  /** Waits for what is under way, at most `closeTimeoutMs`. */
  async close(): Promise<void> {
    const late = new AbortController()
    const timeout = sleep(this.options.closeTimeoutMs, undefined, { signal: late.signal }).catch(() => {})
    await Promise.race([this.#work, timeout])
    late.abort()
    this.#closing.abort()
    this.#count('alerts_dropped_total', this.#queue.drain().length)
    this.channel.close()
  }

  async #run(): Promise<void> {
    for (let alert = this.#queue.peek(); alert !== undefined; alert = this.#queue.peek()) {
      await this.#deliver(alert)
      if (this.#closing.signal.aborted) return
      this.#queue.shift()
    }
  }

  async #deliver(alert: Alert): Promise<void> {
    const { maxTries, warn } = this.options
    const { signal } = this.#closing
    for (let tries = 1; ; tries++) {
      const fault = await this.#attempt(alert)
      if (signal.aborted) return
      if (fault === undefined) return this.#count('alerts_sent_total')
      if (!fault.retriable || tries >= maxTries) {
        this.#count('alerts_failed_total')
        warn(`an alert was not delivered: ${fault.message}`)
        return
      }
      if (tries === 1) warn(`an alert waits: ${fault.message}; trying again`)
      this.#count('alerts_retries_total')
      const waitMs = Math.max(fault.retryAfterMs, retryDelayMs(tries, this.options))
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
    }
  }

  async #attempt(alert: Alert): Promise<AlertDeliveryError | undefined> {
    try {
      await this.channel.send(alert)
      return undefined
    } catch (error) {
      if (error instanceof AlertDeliveryError) return error
      return new AlertDeliveryError(`${this.channel.name}: ${(error as Error).message}`, false)
    }
  }

  #count(name: string, by = 1): void {
    if (by === 0) return
    if (this.counters.labelled) this.counters.labelled(name, { channel: this.channel.name }, by)
    else this.counters.increment(name, by)
  }
}
