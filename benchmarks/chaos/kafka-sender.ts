import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Message, Producer } from 'kafkajs'

const MAX_BATCH = 1000
/** Waiting messages from which on `add` waits too. */
const MAX_WAITING = 50_000
const RETRY_MS = 200

/** Writes messages to a topic in their order, again and again until the broker has them: a batch may come to be there twice. */
export class KafkaSender {
  readonly #waiting: Message[] = []
  #producer: Producer | undefined
  #isClosed = false
  readonly #running: Promise<void>

  constructor(
    readonly kafka: Kafka,
    readonly topic: string,
  ) {
    this.#running = this.#run()
  }

  /** Resolves when there is room for more. */
  async add(messages: readonly Message[]): Promise<void> {
    this.#waiting.push(...messages)
    while (this.#waiting.length > MAX_WAITING && !this.#isClosed) await sleep(RETRY_MS)
  }

  /** Gives up what is not written. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
    await this.#producer?.disconnect().catch(() => {})
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const messages = this.#waiting.slice(0, MAX_BATCH)
      if (messages.length === 0 || !(await this.#sent(messages))) await sleep(messages.length ? RETRY_MS : 5)
      else this.#waiting.splice(0, messages.length)
    }
  }

  /** A producer that failed may count wrongly from then on, and is not used again. */
  async #sent(messages: Message[]): Promise<boolean> {
    try {
      this.#producer ??= await this.#connect()
      await this.#producer.send({ topic: this.topic, acks: -1, messages })
      return true
    } catch {
      await this.#producer?.disconnect().catch(() => {})
      this.#producer = undefined
      return false
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { retries: 3, maxRetryTime: 1000 },
    })
    await producer.connect()
    return producer
  }
}
