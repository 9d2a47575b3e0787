import { setTimeout as sleep } from 'node:timers/promises'
import type { Chunk, ChunkHandler, Counters } from '../chunk.js'
import { isFenced } from '../kafka/errors.js'
import type { PartitionProducer } from '../kafka/transaction.js'
import type { PackWriter } from '../msgpack/write.js'
import type { ResolvedKafkaInputOptions } from './kafka-options.js'
import { type KafkaMessage, KafkaValues } from './kafka-values.js'

/** Offset and contents of a message. Offsets stay below 2^53. */
export interface KafkaRecord extends KafkaMessage {
  readonly offset: string
}

/** What the partitions of one input share. */
export interface PartitionHost {
  readonly options: ResolvedKafkaInputOptions
  readonly take: ChunkHandler
  readonly counters: Counters
  readonly writer: PackWriter
  /** Aborted when no further attempt is to be made: the input closes, or the group regroups. */
  readonly interruption: AbortSignal
  /** The group's offset of a partition; undefined before its first one. */
  readonly committed: (topic: string, partition: number) => Promise<number | undefined>
  /** Told that another replica worked on a partition since we did: what its sessions were here is out of date. */
  readonly release: (origin: string) => void
  /** Told of a chunk that was handed over, failed, and turned out to be delivered. */
  readonly settled: (chunk: Chunk) => void
  /** Told that another replica writes for a partition, so that the group must have regrouped. */
  fenced(origin: string): void
  warn(message: string): void
}

/** Records that are judged and delivered together, `[first, next)`. */
interface Piece {
  readonly chunk: Chunk
  readonly first: number
  /** Offset after its last record. */
  readonly next: number
}

/**
 * The work on one partition while it is ours. Records are delivered in order; a piece that could not be delivered is kept and delivered again as
 * the same chunk, however the records around it come the next time, so that it is not judged twice.
 */
export class KafkaPartition {
  /** Names it among the origins of chunks, `kafka TOPIC/PARTITION`. */
  readonly origin: string
  /** Everything before this offset is delivered; undefined before the first record. */
  #next: number | undefined
  #undelivered: Piece | undefined
  #isInDoubt = false

  /** @param producer for transactions; undefined without */
  constructor(
    private readonly host: PartitionHost,
    readonly topic: string,
    readonly partition: number,
    private readonly producer: PartitionProducer | undefined,
  ) {
    this.origin = `kafka ${topic}/${partition}`
  }

  /** Where to go on: the offset after what is delivered. */
  get next(): number | undefined {
    return this.#next
  }

  /**
   * Works records off, at least one, as many as can be before an interruption; `next` says how far it came.
   *
   * @param end the offset after the last record of the partition, as the broker says
   */
  async work(records: readonly KafkaRecord[], end: number): Promise<void> {
    if (this.#next !== undefined && end < this.#next) this.#beginAnew(end)
    if (this.#isInDoubt) await this.#reassure(records)
    if (!(await this.#persist(() => this.#own()))) return
    let at = 0
    while (!this.host.interruption.aborted) {
      while (at < records.length && Number(records[at]!.offset) < (this.#next ?? 0)) at++
      const kept = this.#kept()
      if (at === records.length && kept === undefined) return
      await this.#deliver(kept ?? this.#cut(records, at))
    }
  }

  /** The topic was made anew, or lost its end: what comes now was never here, whatever its offsets. */
  #beginAnew(end: number): void {
    const { host, origin } = this
    host.warn(`${origin} ends at offset ${end}, before ${this.#next}, where it was read to: reading it anew`)
    host.counters.increment('kafka_partitions_begun_anew_total')
    host.release(origin)
    if (this.#undelivered !== undefined) host.settled(this.#undelivered.chunk)
    this.#undelivered = undefined
    this.#next = undefined
  }

  async close(): Promise<void> {
    await this.producer?.close()
  }

  /** Another replica may have worked on it since. */
  doubt(): void {
    this.#isInDoubt = true
  }

  /** The group's offset tells whether somebody went on from where we were; without transactions the records begin there. */
  async #reassure(records: readonly KafkaRecord[]): Promise<void> {
    this.#isInDoubt = false
    if (this.producer !== undefined) await this.producer.close()
    else this.#goOnFrom(Number(records[0]!.offset))
  }

  /** Never back: what we know to be delivered is, whatever an offset that lags behind says. */
  #goOnFrom(offset: number): void {
    const next = Math.max(offset, this.#next ?? 0)
    const wasMoved = this.#next !== undefined && next > this.#next && next !== this.#undelivered?.next
    if (wasMoved) this.host.release(this.origin)
    this.#next = next
  }

  /** A piece of before, unless somebody else delivered it in the meantime. */
  #kept(): Piece | undefined {
    const kept = this.#undelivered
    if (kept === undefined || kept.first >= (this.#next ?? 0)) return kept
    this.#undelivered = undefined
    this.host.settled(kept.chunk)
    return undefined
  }

  #cut(records: readonly KafkaRecord[], from: number): Piece {
    const { host, topic, partition, origin } = this
    const { format, keyField, maxChunkRecords, tag } = host.options
    const end = Math.min(from + maxChunkRecords, records.length)
    const values = new KafkaValues(host.writer, format, keyField, end - from, Date.now())
    for (let i = from; i < end; i++) values.add(records[i]!)
    const { entries, numMalformed } = values.take()
    const first = Number(records[from]!.offset)
    const last = Number(records[end - 1]!.offset)
    host.counters.increment('kafka_records_total', end - from)
    if (numMalformed > 0) host.counters.increment('kafka_values_malformed_total', numMalformed)
    const chunk = {
      tag: tag ?? `kafka.${topic}`,
      chunkId: `kafka ${topic} ${partition} ${first}-${last}`,
      entries,
      source: origin,
      origin,
      log: { name: origin, positions: records.slice(from, end).map(({ offset }) => Number(offset)) },
    }
    return { chunk, first, next: last + 1 }
  }

  async #deliver(piece: Piece): Promise<void> {
    this.#undelivered = piece
    const isDone = await this.#persist(async () => {
      await this.#own()
      // Otherwise a transaction was committed although its answer was lost, or another replica had the partition meanwhile.
      if ((this.#next ?? 0) <= piece.first) await this.#attempt(piece)
      else this.host.settled(piece.chunk)
    })
    if (isDone) this.#undelivered = undefined
  }

  async #attempt({ chunk, next }: Piece): Promise<void> {
    const { producer } = this
    if (producer === undefined) await this.host.take(chunk)
    else await this.host.take({ ...chunk, transaction: await producer.begin(next) })
    this.#next = next
    this.host.counters.increment('kafka_chunks_total')
  }

  /** With transactions: shuts out whoever wrote for the partition before, then asks how far they came. */
  async #own(): Promise<void> {
    const { topic, partition, host, producer } = this
    if (producer === undefined || producer.isOpen) return
    await producer.open()
    const committed = await host.committed(topic, partition)
    if (committed !== undefined) this.#goOnFrom(committed)
  }

  /** Repeats a task until it is done; false when it was interrupted first. */
  async #persist(task: () => Promise<void>): Promise<boolean> {
    const { host } = this
    const { retryMinMs, retryMaxMs } = host.options
    const signal = host.interruption
    for (let waitMs = retryMinMs; !signal.aborted; waitMs = Math.min(waitMs * 2, retryMaxMs)) {
      try {
        await task()
        return true
      } catch (error) {
        host.counters.increment('kafka_chunk_failures_total')
        await this.producer?.close().catch(() => {})
        if (isFenced(error)) host.fenced(this.origin)
        else host.warn(`${this.origin}: a chunk was not delivered and is tried again: ${messageOf(error)}`)
        await sleep(waitMs, undefined, { signal }).catch(() => {})
      }
    }
    return false
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
