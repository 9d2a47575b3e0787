import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Producer, ProducerRecord, Transaction } from 'kafkajs'
import type { ChunkTransaction } from '../chunk.js'
import { brokerAnswer } from './errors.js'
import { steadyPartitioner } from './partitioner.js'

/** How long to wait for the transaction before to be finished, in milliseconds, and how often. */
const WAIT_MS = 5
const MAX_WAITS = 1000

/** Whose offset moves on with a transaction. */
export interface PartitionProgress {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
}

/**
 * Writes of one chunk of a partition, and that the group is done with it, in one Kafka transaction. Made for one attempt; any failure leaves the
 * producer behind it unusable.
 */
export class KafkaTransaction implements ChunkTransaction {
  #begun: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  /** @param nextOffset where the group goes on when this is committed */
  constructor(
    private readonly transaction: Transaction,
    private readonly progress: PartitionProgress,
    private readonly nextOffset: number,
  ) {}

  /** Writes records, calls one after the other. They are read by nobody who asks for what is committed alone, until `commit`. */
  send(record: ProducerRecord): Promise<void> {
    this.#begun ??= this.#begin()
    const sent = Promise.all([this.#begun, this.#last]).then(async () => {
      await this.transaction.send(record)
    })
    // Where one call failed the next may go on: the caller knows whether to.
    this.#last = sent.catch(() => {})
    return sent
  }

  async commit(): Promise<void> {
    this.#begun ??= this.#begin()
    await this.#begun
    await this.transaction.commit()
  }

  /**
   * The offset comes first: as long as the broker is still finishing the transaction before, it refuses to begin another, and this is the one
   * request that can be repeated without writing anything twice. Nothing is begun before it is needed, as the timeout runs from then on.
   */
  async #begin(): Promise<void> {
    const { groupId, topic, partition } = this.progress
    const topics = [{ topic, partitions: [{ partition, offset: String(this.nextOffset) }] }]
    for (let i = 0; ; i++) {
      try {
        await this.transaction.sendOffsets({ consumerGroupId: groupId, topics })
        return
      } catch (error) {
        if (brokerAnswer(error) !== 'CONCURRENT_TRANSACTIONS' || i >= MAX_WAITS) throw error
        await sleep(WAIT_MS)
      }
    }
  }
}

/**
 * The producer of one partition. All replicas use the same transactional id for a partition, so that the broker refuses every write of an earlier
 * one once a later one is open: a zombie is fenced.
 */
export class PartitionProducer {
  #producer: Producer | undefined
  /** Begun by `open`, not yet used. */
  #fresh: Transaction | undefined

  constructor(
    private readonly kafka: Kafka,
    private readonly progress: PartitionProgress,
    private readonly transactionTimeoutMs: number,
  ) {}

  /**
   * Takes the partition over: the broker refuses whoever wrote for it before, and has committed or aborted what they left open when this resolves.
   * Only offsets fetched after that are sure to be the last.
   */
  async open(): Promise<void> {
    await this.close()
    const { groupId, topic, partition } = this.progress
    const producer = this.kafka.producer({
      transactionalId: `${groupId}-${topic}-${partition}`,
      transactionTimeout: this.transactionTimeoutMs,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: await steadyPartitioner(),
      // A write that is repeated after its answer was lost may reach another partition: rather the whole transaction is.
      retry: { retries: 0 },
    })
    this.#producer = producer
    await producer.connect()
    this.#fresh = await producer.transaction()
  }

  get isOpen(): boolean {
    return this.#producer !== undefined
  }

  async begin(nextOffset: number): Promise<KafkaTransaction> {
    if (this.#producer === undefined) throw new TypeError('open the producer before beginning a transaction')
    const transaction = this.#fresh ?? (await this.#producer.transaction())
    this.#fresh = undefined
    return new KafkaTransaction(transaction, this.progress, nextOffset)
  }

  /** Leaves the producer. What it left open is aborted by the next one that is opened, or by the broker after the timeout. */
  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    this.#fresh = undefined
    await producer?.disconnect()
  }
}
