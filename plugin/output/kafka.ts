import { setTimeout as sleep } from 'node:timers/promises'
import type { CompressionTypes, Producer, ProducerRecord } from 'kafkajs'
import type { Counters, PackedEntries } from '../chunk.js'
import { ClosedError, DeliveryError, RecordsRefusedError, type RefusedRecord } from '../errors.js'
import { makeKafka } from '../kafka/connection.js'
import { brokerAnswer } from '../kafka/errors.js'
import { steadyPartitioner } from '../kafka/partitioner.js'
import { KafkaTransaction } from '../kafka/transaction.js'
import { SUMMARY_TAG } from '../pipeline.js'
import { LearntKafkaLimits } from './kafka-limits.js'
import { kafkaMessages, type MessageSlice } from './kafka-messages.js'
import {
  type KafkaCompression,
  type KafkaOutputOptions,
  type ResolvedKafkaOutputOptions,
  resolveKafkaOutputOptions,
  topicOf,
} from './kafka-options.js'
import type { Delivery, Output } from './output.js'

/** As the protocol numbers them. */
const COMPRESSIONS: Readonly<Record<KafkaCompression, CompressionTypes>> = { none: 0, gzip: 1 }
/** Of one request by the library, some seconds; beyond that a new producer tries. */
const MAX_RETRIES = 5
/** Answers of a broker that takes smaller batches than ours. */
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

interface Outgoing {
  readonly tag: string
  readonly entries: PackedEntries
  readonly sessions: readonly (string | undefined)[]
  /** The entry that is to be sent next. */
  next: number
  /** Those before it that the topic will never take. */
  readonly refused: RefusedRecord[]
}

/** Tagged records to Kafka topics, as JSON and keyed by session. All replicas of a partition must have them before they count as delivered. */
export class KafkaSink implements Output {
  readonly name: string
  readonly #options: ResolvedKafkaOutputOptions
  readonly #closing = new AbortController()
  readonly #counters: Counters
  #producer: Producer | undefined
  #isReady = false
  /** Ends when all that was asked for is sent: batches are sent one after the other, so that a session's records keep their order. */
  #last: Promise<unknown>
  /** Deliveries that are not done. */
  #numWaiting = 0
  readonly #limits: LearntKafkaLimits

  /** @throws ConfigError that lists every option that is wrong */
  constructor(options: KafkaOutputOptions, counters: Counters) {
    this.#counters = counters
    this.#options = resolveKafkaOutputOptions(options)
    const { topic, topicPrefix, brokers } = this.#options
    this.name = `kafka ${topic ?? `${topicPrefix}*`} (${brokers.join(', ')})`
    this.#limits = new LearntKafkaLimits(this.#options.maxBatchBytes)
    this.#last = this.#persist(() => this.#connect()).catch(() => {})
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /**
   * Delivers within the chunk's transaction, if it is one of ours; else at once, and again until it is delivered or the output closes.
   *
   * @throws RecordsRefusedError when entries are larger than the topic takes; it has all others
   */
  async deliver(tag: string, entries: PackedEntries, delivery?: Delivery): Promise<void> {
    if (this.#closing.signal.aborted)
      throw new ClosedError(`${this.name} is closed: deliver before closing it`)
    const sessions = delivery?.sessions ?? []
    const outgoing: Outgoing = { tag, entries, sessions, next: 0, refused: [] }
    const transaction = delivery?.transaction
    if (transaction instanceof KafkaTransaction) {
      await this.#sendSlices(outgoing, record => transaction.send(record))
    } else {
      this.#numWaiting++
      const sent = this.#last.then(() => this.#sendAlone(outgoing)).finally(() => this.#numWaiting--)
      this.#last = sent.catch(() => {})
      await sent
    }
    if (outgoing.refused.length > 0) throw new RecordsRefusedError(this.name, outgoing.refused)
  }

  async close(): Promise<void> {
    const patience = sleep(this.#options.closeTimeoutMs, undefined, { ref: false })
    if (this.#numWaiting > 0) await Promise.race([this.#last, patience])
    this.#closing.abort()
    await this.#disconnect()
  }

  /** Sends what is not sent yet, in order; `next` moves on past what the broker has. */
  async #sendSlices(outgoing: Outgoing, send: (record: ProducerRecord) => Promise<unknown>): Promise<void> {
    const { tag, entries, sessions } = outgoing
    const { compression, summaryTopic } = this.#options
    const topic = (tag === SUMMARY_TAG ? summaryTopic : undefined) ?? topicOf(this.#options, tag)
    for (const slice of kafkaMessages(tag, entries, sessions, this.#limits.of(topic), outgoing.next)) {
      const { messages, bytes, next, refused } = slice
      try {
        if (messages.length > 0)
          await send({ topic, messages, acks: -1, compression: COMPRESSIONS[compression] })
      } catch (error) {
        if (TOO_LARGE.has(brokerAnswer(error) ?? '')) this.#sendLess(topic, slice)
        throw error
      }
      outgoing.next = next
      outgoing.refused.push(...refused)
      this.#counters.increment('kafka_output_records_total', messages.length)
      this.#counters.increment('kafka_output_bytes_total', bytes)
    }
  }

  #sendLess(topic: string, { messages, bytes }: MessageSlice): void {
    const limit = this.#limits.refused(topic, messages.length, bytes)
    this.#options.warn(
      `${this.name}: the broker refused a batch of ${bytes} bytes for ${topic}, ` +
        `${messages.length > 1 ? 'batches' : 'records'} have now at most ${limit}: ` +
        "set max_batch_bytes below the topic's max.message.bytes",
    )
  }

  async #sendAlone(outgoing: Outgoing): Promise<void> {
    await this.#persist(async () => {
      const producer = this.#producer ?? (await this.#connect())
      try {
        await this.#sendSlices(outgoing, record => producer.send(record))
      } finally {
        // The library, trying again, has connected again what was closed meanwhile.
        if (this.#closing.signal.aborted) await producer.disconnect()
      }
    })
  }

  async #connect(): Promise<Producer> {
    const kafka = await makeKafka(this.#options, this.#options.warn)
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: await steadyPartitioner(),
      retry: { retries: MAX_RETRIES },
    })
    await producer.connect()
    this.#producer = producer
    this.#isReady = true
    if (this.#closing.signal.aborted) await this.#disconnect()
    return producer
  }

  /** Repeats a task until it is done or the output closes. A producer that failed is left: what it believes to have sent may be wrong. */
  async #persist(task: () => Promise<unknown>): Promise<void> {
    const { retryMinMs, retryMaxMs, warn } = this.#options
    const { signal } = this.#closing
    for (let waitMs = retryMinMs; ; waitMs = Math.min(waitMs * 2, retryMaxMs)) {
      try {
        await unlessAborted(task(), signal)
        return
      } catch (error) {
        await this.#disconnect()
        this.#counters.increment('kafka_output_failures_total')
        if (signal.aborted)
          throw new DeliveryError(`${this.name} was closed before all was delivered`, { cause: error })
        warn(
          `${this.name} takes nothing, trying again: ${error instanceof Error ? error.message : String(error)}`,
        )
        await sleep(waitMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #disconnect(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    this.#isReady = false
    await producer?.disconnect().catch(() => {})
  }
}

/** What becomes of the task, unless the signal is aborted first: the library goes on trying for some seconds. */
function unlessAborted(task: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const end = (): void => signal.removeEventListener('abort', onAbort)
    task.finally(end).then(resolve, reject)
  })
}
