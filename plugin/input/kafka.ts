import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, Kafka } from 'kafkajs'
import type { Chunk, ChunkHandler, Counters } from '../chunk.js'
import { makeKafka } from '../kafka/connection.js'
import { isGroupChange, RegroupError } from '../kafka/errors.js'
import { PartitionProducer } from '../kafka/transaction.js'
import { PackWriter } from '../msgpack/write.js'
import type { Input } from './input.js'
import {
  type KafkaInputOptions,
  type ResolvedKafkaInputOptions,
  resolveKafkaInputOptions,
} from './kafka-options.js'
import { KafkaPartition, type PartitionHost } from './kafka-partition.js'

/** Partitions that are worked on at a time; the engine itself works off one chunk after the other. */
const MAX_CONCURRENT = 64
/** How long a broker waits for records before it answers that there are none: a stop and a regrouping wait for it. */
const MAX_FETCH_WAIT_MS = 250
/** How long leaving the group may take once nothing is under way any more. */
const LEAVE_TIMEOUT_MS = 3000

/** Chunks from Kafka topics, as a member of a consumer group. */
export class KafkaInput implements Input, PartitionHost {
  readonly name: string
  readonly options: ResolvedKafkaInputOptions
  readonly writer = new PackWriter()
  #interrupter = new AbortController()
  readonly #closing = new AbortController()
  readonly #partitions = new Map<string, KafkaPartition>()
  #memberId: string | undefined
  #consumer: Consumer | undefined
  #producers: Kafka | undefined
  #admin: Admin | undefined
  #running: Promise<void> | undefined
  #numWorking = 0
  readonly #idle = new EventEmitter()

  /**
   * @param release told which partitions another replica goes on with
   * @param settled told of chunks that `take` rejected and that turned out to be delivered
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: KafkaInputOptions,
    readonly take: ChunkHandler,
    readonly release: (origin: string) => void,
    readonly counters: Counters,
    readonly settled: (chunk: Chunk) => void = () => {},
  ) {
    this.options = resolveKafkaInputOptions(options)
    const { topics, group, brokers } = this.options
    this.name = `kafka ${topics.join(', ')} as ${group} (${brokers.join(', ')})`
  }

  get interruption(): AbortSignal {
    return this.#interrupter.signal
  }

  warn(message: string): void {
    this.options.warn(message)
  }

  /** Resolves at once: a cluster that is away is waited for. */
  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#interrupter.abort()
    await Promise.race([this.#end(), sleep(this.options.closeTimeoutMs, undefined, { ref: false })])
  }

  fenced(origin: string): void {
    this.counters.increment('kafka_fenced_total')
    this.warn(`${origin}: another replica writes for it now: joining the group anew`)
    this.#interrupter.abort(new RegroupError())
  }

  async committed(topic: string, partition: number): Promise<number | undefined> {
    const [found] = await this.#admin!.fetchOffsets({ groupId: this.options.group, topics: [topic] })
    const offset = Number(found?.partitions.find(one => one.partition === partition)?.offset ?? -1)
    return offset >= 0 ? offset : undefined
  }

  /** Joins the group, and again whenever the library gave up. */
  async #run(): Promise<void> {
    const { retryMinMs, retryMaxMs } = this.options
    const { signal } = this.#closing
    for (let waitMs = retryMinMs; !signal.aborted; waitMs = Math.min(waitMs * 2, retryMaxMs)) {
      try {
        await this.#consume(() => {
          waitMs = retryMinMs
        })
      } catch (error) {
        this.warn(`${this.name}: ${messageOf(error)}; trying again`)
        await this.#consumer?.disconnect().catch(() => {})
      }
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Connects and reads; resolves when the consumer ended for good. */
  async #consume(onJoin: () => void): Promise<void> {
    const { signal } = this.#closing
    const consumer = await this.#connect()
    const { CRASH, GROUP_JOIN } = consumer.events
    const crashed = new AbortController()
    consumer.on(GROUP_JOIN, event => {
      onJoin()
      this.#joined(event)
    })
    consumer.on(CRASH, ({ payload }) => {
      this.counters.increment('kafka_consumer_crashes_total')
      if (!payload.restart) crashed.abort()
    })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: MAX_CONCURRENT,
      eachBatch: payload => this.#work(payload),
    })
    await Promise.race([ended(crashed.signal), ended(signal)])
  }

  async #connect(): Promise<Consumer> {
    const { options } = this
    const warn = (message: string): void => this.warn(message)
    const kafka = await makeKafka(options, warn)
    const consumer = kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      maxBytes: options.maxInFlightBytes,
      maxBytesPerPartition: options.maxPartitionBytes,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      allowAutoTopicCreation: false,
      // A member that gives up and joins anew makes the group wait for the member it was.
      retry: { retries: Number.MAX_SAFE_INTEGER },
    })
    this.#consumer = consumer
    if (options.transactions) {
      this.#producers ??= await makeKafka(options, warn)
      this.#admin ??= this.#producers.admin()
      await this.#admin.connect()
    }
    await consumer.connect()
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: options.fromBeginning })
    return consumer
  }

  /** Keeps what stays ours and lets go of the rest. */
  #joined({ payload }: ConsumerGroupJoinEvent): void {
    const { memberId, memberAssignment } = payload
    this.counters.increment('kafka_rebalances_total')
    const mine = new Set<string>()
    for (const [topic, partitions] of Object.entries(memberAssignment))
      for (const partition of partitions) mine.add(this.#partition(topic, partition).origin)
    for (const [origin, partition] of this.#partitions) {
      if (!mine.has(origin)) this.#letGo(partition)
      // As a new member we may have lost it, and got it back, without having been told.
      else if (memberId !== this.#memberId) partition.doubt()
    }
    this.#memberId = memberId
    if (!this.#closing.signal.aborted) this.#interrupter = new AbortController()
  }

  #partition(topic: string, partition: number): KafkaPartition {
    const origin = originOf(topic, partition)
    const known = this.#partitions.get(origin)
    if (known !== undefined) return known
    const { group: groupId, transactionTimeoutMs } = this.options
    const producer =
      this.#producers &&
      new PartitionProducer(this.#producers, { groupId, topic, partition }, transactionTimeoutMs)
    const fresh = new KafkaPartition(this, topic, partition, producer)
    this.#partitions.set(origin, fresh)
    return fresh
  }

  #letGo(partition: KafkaPartition): void {
    this.#partitions.delete(partition.origin)
    this.release(partition.origin)
    partition.close().catch(error => this.warn(`${partition.origin}: ${messageOf(error)}`))
  }

  /** One answer of the broker for one partition. A thrown group change makes the library join anew, once all that is under way has come here. */
  async #work(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const partition = this.#partitions.get(originOf(batch.topic, batch.partition))
    if (partition !== undefined && !this.interruption.aborted) {
      this.#numWorking++
      try {
        await this.#workOff(partition, payload)
      } finally {
        this.#numWorking--
        if (this.#numWorking === 0) this.#idle.emit('idle')
      }
    }
    const { reason } = this.interruption
    if (reason instanceof Error && isGroupChange(reason)) throw reason
    // What is left as it was is fetched again at once, until we have left.
    if (this.#closing.signal.aborted) await sleep(MAX_FETCH_WAIT_MS)
  }

  async #workOff(partition: KafkaPartition, payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset } = payload
    const beat = (): void => {
      heartbeat().catch(error => {
        // All else, such as a broker that is away, the library finds out by itself.
        if (isGroupChange(error)) this.#interrupter.abort(error)
      })
    }
    const beating = setInterval(beat, this.options.heartbeatMs)
    try {
      await partition.work(batch.messages, Number(batch.highWatermark))
    } finally {
      clearInterval(beating)
    }
    const { next } = partition
    if (next === undefined || next <= Number(batch.messages[0]!.offset)) return
    resolveOffset(String(next - 1))
    if (!this.options.transactions) await this.#commit(partition, next, payload)
  }

  async #commit({ topic, partition, origin }: KafkaPartition, next: number, payload: EachBatchPayload) {
    try {
      const partitions = [{ partition, offset: String(next) }]
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
    } catch (error) {
      this.counters.increment('kafka_commit_failures_total')
      if (isGroupChange(error)) throw error
      // The partition knows how far it came: the next commit tells.
      this.warn(
        `${origin}: the offset could not be committed, which the next time makes good: ${messageOf(error)}`,
      )
    }
  }

  async #end(): Promise<void> {
    if (this.#numWorking > 0) await once(this.#idle, 'idle')
    await Promise.race([this.#leave(), sleep(LEAVE_TIMEOUT_MS, undefined, { ref: false })])
  }

  /** Tells the group, so that others take the partitions at once. */
  async #leave(): Promise<void> {
    await this.#running
    const partitions = [...this.#partitions.values()]
    await Promise.allSettled([
      this.#consumer?.disconnect(),
      this.#admin?.disconnect(),
      ...partitions.map(partition => partition.close()),
    ])
  }
}

/** As KafkaPartition.origin. */
const originOf = (topic: string, partition: number): string => `kafka ${topic}/${partition}`

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function ended(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
