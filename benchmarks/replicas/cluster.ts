import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs'
import type { NumberedMessage } from './workload.js'

/** How far a group has come: the committed offset of each partition, 0 before its first one. */
export type Offsets = readonly number[]

/** The side of the benchmark that makes topics, fills them and looks at groups. */
export class Cluster {
  readonly kafka: Kafka
  readonly #producer: Producer
  readonly #admin: Admin

  constructor(
    readonly address: string,
    readonly numPartitions: number,
  ) {
    this.kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 20 } })
    this.#producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    this.#admin = this.kafka.admin()
  }

  async connect(): Promise<void> {
    await Promise.all([this.#producer.connect(), this.#admin.connect()])
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#producer.disconnect(), this.#admin.disconnect()])
  }

  async createTopics(...names: readonly string[]): Promise<void> {
    const { numPartitions } = this
    const topics = names.map(topic => ({ topic, numPartitions }))
    await this.#admin.createTopics({ topics, waitForLeaders: true })
  }

  /** Sends messages to the partitions that their keys say. */
  async send(topic: string, messages: NumberedMessage[]): Promise<void> {
    await this.#producer.send({ topic, acks: -1, messages })
  }

  /** Marks the end of a topic: a message without a value as the last of each partition. */
  async seal(topic: string): Promise<void> {
    const messages = Array.from({ length: this.numPartitions }, (_, partition) => ({
      partition,
      value: null,
    }))
    await this.#producer.send({ topic, acks: -1, messages })
  }

  /** How far a group has come in a topic, by partition; undefined where the broker cannot tell just now. */
  async offsets(groupId: string, topic: string): Promise<Offsets | undefined> {
    const answer = await this.#admin.fetchOffsets({ groupId, topics: [topic] }).catch(passing)
    if (answer === undefined) return undefined
    const [found] = answer
    const offsets = new Array<number>(this.numPartitions).fill(0)
    for (const { partition, offset } of found?.partitions ?? [])
      offsets[partition] = Math.max(0, Number(offset))
    return offsets
  }

  /** Members of a group that is at rest; undefined while it regroups. */
  async numMembers(groupId: string): Promise<number | undefined> {
    const answer = await this.#admin.describeGroups([groupId]).catch(passing)
    if (answer === undefined) return undefined
    const [group] = answer.groups
    if (group === undefined || group.state === 'Empty' || group.state === 'Dead') return 0
    return group.state === 'Stable' ? group.members.length : undefined
  }
}

/** Errors that pass, such as of a broker too busy to be its group's coordinator, are no answer yet. */
function passing(error: Error & { readonly retriable?: boolean }): undefined {
  if (error.retriable !== true) throw error
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
