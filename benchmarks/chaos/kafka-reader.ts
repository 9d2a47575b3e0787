import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, Kafka } from 'kafkajs'
import { JournalWriter, monotonicMs } from './journal.js'
import { type JudgedFields, verdictCode } from './verdict-code.js'

const RETRY_MS = 200
const MAX_FETCH_WAIT_MS = 50

interface Scored {
  readonly number?: number
  readonly logneo?: JudgedFields & { readonly score?: number }
}

/** Reads what is committed in a topic and notes it in a journal; begins anew where it was when the broker comes back. */
export class KafkaReader {
  readonly #journal: JournalWriter
  #consumer: Consumer | undefined
  #isClosed = false
  /** By partition, the offset after what was noted: a group that begins anew may give records again. */
  readonly #next = new Map<number, number>()

  constructor(
    readonly kafka: Kafka,
    readonly topic: string,
    journal: string,
  ) {
    this.#journal = new JournalWriter(journal)
    void this.#run()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#consumer?.disconnect().catch(() => {})
    this.#journal.close()
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      await this.#read().catch(() => {})
      await this.#consumer?.disconnect().catch(() => {})
      await sleep(RETRY_MS)
    }
  }

  /** Resolves when the library gave up. */
  async #read(): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId: `${this.topic}-reader`,
      sessionTimeout: 2000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      retry: { retries: Number.MAX_SAFE_INTEGER, maxRetryTime: 500 },
    })
    this.#consumer = consumer
    const crashed = new Promise<void>(resolve => {
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || resolve())
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [this.topic], fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch }) => {
        for (const message of batch.messages) this.#note(batch.partition, message)
        this.#journal.flush()
      },
    })
    await crashed
  }

  #note(partition: number, { offset, value }: { offset: string; value: Buffer | null }): void {
    if (Number(offset) < (this.#next.get(partition) ?? 0) || this.#isClosed) return
    this.#next.set(partition, Number(offset) + 1)
    const { number, logneo = {} } = JSON.parse(value!.toString()) as Scored
    // Summaries of sessions have no number.
    if (number === undefined) return
    this.#journal.add({ number, code: verdictCode(logneo), score: logneo.score ?? 0, atMs: monotonicMs() })
  }
}
