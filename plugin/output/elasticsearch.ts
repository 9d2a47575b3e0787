import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { type Counters, NO_COUNTERS, type PackedEntries } from '../chunk.js'
import { ClosedError, DeliveryError, RecordsRefusedError } from '../errors.js'
import { Fifo } from '../fifo.js'
import { type HttpAnswer, HttpClient } from '../http-request.js'
import { SUMMARY_TAG } from '../pipeline.js'
import { recordIdBase } from '../record-id.js'
import { retryDelayMs } from '../retry-delay.js'
import { WaitingLine } from '../waiting-line.js'
import { answerFault, BULK_PATH, type BulkResult, greetingFault, readBulkAnswer } from './bulk-answer.js'
import { type BulkDelivery, type BulkItem, bulkItems } from './bulk-item.js'
import {
  authorization,
  type ElasticsearchOptions,
  type ResolvedElasticsearchOptions,
  resolveElasticsearchOptions,
} from './elasticsearch-options.js'
import { HttpNodes } from './http-nodes.js'
import type { Delivery, Output } from './output.js'

const gzipAsync = promisify(gzip)
/** Largest answer taken: an error for each of many small documents. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Tagged records to Elasticsearch or OpenSearch, by the bulk interface that both have. Documents of several chunks that wait share a
 * request. Each has an id that is the same whenever it is sent again, so that no repetition makes a second document.
 */
export class ElasticsearchOutput implements Output {
  readonly name: string
  readonly #options: ResolvedElasticsearchOptions
  readonly #client: HttpClient
  readonly #nodes: HttpNodes
  readonly #headers: Readonly<Record<string, string>>
  readonly #waiting: WaitingLine
  readonly #queue = new Fifo<BulkItem>()
  readonly #closing = new AbortController()
  #queuedBytes = 0
  #numInFlight = 0
  /** Requests in a row that failed as a whole. */
  #failures = 0
  #isTaking = true
  #isReady = false
  #idle = () => {}

  /**
   * @param counters counts, each under `elasticsearch_…_total`: `documents` (by `fate`), `requests`, `bytes`, `failures`, `retried_documents`,
   *   `invalid_utf8`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: ElasticsearchOptions = {},
    readonly counters: Counters = NO_COUNTERS,
  ) {
    this.#options = resolveElasticsearchOptions(options)
    const { urls, ca, maxInFlight, auth, maxQueueBytes } = this.#options
    this.#waiting = new WaitingLine(maxQueueBytes, () => this.#queuedBytes)
    this.name = `elasticsearch ${urls.map(url => new URL(url).host).join(', ')}`
    this.#nodes = new HttpNodes(urls)
    this.#client = new HttpClient({ ca, maxConnections: maxInFlight })
    this.#headers = {
      ...authorization(auth),
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
    }
    void this.#greet()
  }

  /** Whether the cluster took what was sent last, or answered when we came. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Bytes accepted and not delivered. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /**
   * @throws RecordTooLargeError when a record holds more than can be decoded; none of the entries is sent
   * @throws RecordsRefusedError when the cluster will never take some of the entries; it has all others
   * @throws DeliveryError when `close` could not wait any longer
   * @throws ClosedError after `close`
   */
  async deliver(tag: string, entries: PackedEntries, delivery?: Delivery): Promise<void> {
    if (!this.#isTaking) throw new ClosedError(`${this.name} is closed: deliver before closing it`)
    const bytes = entries.buffer.length
    await this.#waiting.enter(bytes, () => {
      this.#queuedBytes += bytes
    })
    try {
      await this.#deliver(tag, entries, recordIdBase(delivery?.chunkId))
    } finally {
      this.#queuedBytes -= bytes
      this.#admit()
    }
  }

  /** Takes nothing more, waits until everything is delivered, at most `closeTimeoutMs`, and disconnects. */
  async close(): Promise<void> {
    this.#isTaking = false
    if (this.#queuedBytes > 0 || !this.#waiting.isEmpty) await this.#untilIdle()
    this.#closing.abort()
    const error = this.#closedError()
    this.#waiting.reject(error)
    for (const { delivery } of this.#queue.drain()) delivery.reject(error)
    this.#client.close()
  }

  #closedError(): DeliveryError {
    return new DeliveryError(`${this.name} was closed before it took everything: send it again`)
  }

  async #untilIdle(): Promise<void> {
    const isOver = new AbortController()
    const idle = new Promise<void>(resolve => {
      this.#idle = resolve
    })
    const late = sleep(this.#options.closeTimeoutMs, undefined, isOver).catch(() => {})
    await Promise.race([idle, late])
    isOver.abort()
  }

  #admit(): void {
    this.#waiting.admit()
    if (this.#queuedBytes === 0 && this.#waiting.isEmpty) this.#idle()
  }

  async #deliver(tag: string, entries: PackedEntries, idBase: string): Promise<void> {
    const { dataStream, sessionDataStream, now } = this.#options
    const target = {
      dataStream: tag === SUMMARY_TAG ? sessionDataStream : dataStream,
      idBase,
      nowMs: now(),
    }
    const refused = await new Promise<BulkDelivery['refused']>((resolve, reject) => {
      const delivery: BulkDelivery = {
        left: 0,
        refused: [],
        resolve: () => resolve(delivery.refused),
        reject,
      }
      const items = bulkItems(tag, entries, target, delivery, this.counters)
      delivery.left = items.length
      if (items.length === 0) resolve([])
      for (const item of items) this.#queue.push(item)
      this.#pump()
    })
    if (refused.length > 0) throw new RecordsRefusedError(this.name, refused)
  }

  /** Sends what may be sent now. */
  #pump(): void {
    while (this.#numInFlight < this.#options.maxInFlight && this.#queue.length > 0) {
      this.#numInFlight++
      void this.#sendAll(this.#takeBatch()).finally(() => {
        this.#numInFlight--
        this.#pump()
      })
    }
  }

  #takeBatch(): BulkItem[] {
    const { maxBulkBytes } = this.#options
    const items: BulkItem[] = []
    let bytes = 0
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (items.length > 0 && bytes + next.body.length > maxBulkBytes) break
      bytes += next.body.length
      items.push(this.#queue.shift()!)
    }
    return items
  }

  /** Sends documents until each was taken or refused. Its place among the requests is kept while it waits, so a busy cluster is asked less. */
  async #sendAll(items: readonly BulkItem[]): Promise<void> {
    let left = items
    for (let tries = 1; left.length > 0; tries++) {
      const rest = await this.#sendOnce(left)
      if (rest.length < left.length) tries = 1
      left = rest
      if (left.length === 0) return
      this.counters.increment('elasticsearch_retried_documents_total', left.length)
      try {
        await sleep(retryDelayMs(tries, this.#options), undefined, { signal: this.#closing.signal })
      } catch {
        for (const { delivery } of left) delivery.reject(this.#closedError())
        return
      }
    }
  }

  /** @returns what is to be sent again */
  async #sendOnce(items: readonly BulkItem[]): Promise<readonly BulkItem[]> {
    let answer: HttpAnswer
    try {
      answer = await this.#request(items)
    } catch (error) {
      this.#failed((error as Error).message)
      return items
    }
    if (answer.status === 413) return this.#sendParts(items, answer)
    const results = answer.status === 200 ? readBulkAnswer(answer.body, items.length) : undefined
    if (results === undefined) {
      this.#failed(answerFault(answer))
      return items
    }
    return this.#settle(items, results)
  }

  async #request(items: readonly BulkItem[]): Promise<HttpAnswer> {
    const body = await gzipAsync(Buffer.concat(items.map(item => item.body)), {
      level: constants.Z_BEST_SPEED,
    })
    this.counters.increment('elasticsearch_requests_total')
    this.counters.increment('elasticsearch_bytes_total', body.length)
    return this.#client.send({
      method: 'POST',
      url: this.#nodes.url(BULK_PATH),
      headers: this.#headers,
      body,
      timeoutMs: this.#options.timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    })
  }

  /** A request that is too large is sent in halves; a document that is too large alone is refused. */
  async #sendParts(items: readonly BulkItem[], answer: HttpAnswer): Promise<readonly BulkItem[]> {
    if (items.length === 1) return this.#settle(items, [{ fate: 'refused', reason: answerFault(answer) }])
    const middle = items.length >> 1
    const first = await this.#sendOnce(items.slice(0, middle))
    return [...first, ...(await this.#sendOnce(items.slice(middle)))]
  }

  #settle(items: readonly BulkItem[], results: readonly BulkResult[]): BulkItem[] {
    const again: BulkItem[] = []
    const counts = { created: 0, repeated: 0, refused: 0, retry: 0 }
    items.forEach((item, i) => {
      const { fate, reason } = results[i]!
      counts[fate]++
      if (fate === 'retry') again.push(item)
      else this.#done(item, fate === 'refused' ? reason : undefined)
    })
    for (const fate of ['created', 'repeated', 'refused'] as const)
      if (counts[fate] > 0) this.#countDocuments(fate, counts[fate])
    if (again.length === items.length) this.#failed(results[0]!.reason)
    else this.#worked()
    return again
  }

  #done({ delivery, entryIndex }: BulkItem, reason: string | undefined): void {
    if (reason !== undefined) delivery.refused.push({ entryIndex, reason })
    if (--delivery.left === 0) delivery.resolve()
  }

  #countDocuments(fate: string, by: number): void {
    if (this.counters.labelled) this.counters.labelled('elasticsearch_documents_total', { fate }, by)
    else this.counters.increment('elasticsearch_documents_total', by)
  }

  #worked(): void {
    if (this.#failures > 0) this.#options.warn(`${this.name} takes records again`)
    this.#failures = 0
    this.#isReady = true
  }

  #failed(reason: string): void {
    this.#failures++
    this.#isReady = false
    this.#nodes.turn()
    this.counters.increment('elasticsearch_failures_total')
    if (this.#failures === 1) this.#options.warn(`${this.name}: ${reason}; trying again`)
  }

  /** Asks who is there, until somebody is or records show it. */
  async #greet(): Promise<void> {
    const { signal } = this.#closing
    for (let tries = 1; !this.#isReady && !signal.aborted; tries++) {
      const answer = await this.#ask().catch((error: Error) => error)
      const fault = answer instanceof Error ? answer.message : greetingFault(answer)
      if (signal.aborted) return
      if (fault === undefined) this.#worked()
      else this.#failed(fault)
      await sleep(retryDelayMs(tries, this.#options), undefined, { signal, ref: false }).catch(() => {})
    }
  }

  #ask(): Promise<HttpAnswer> {
    const { authorization } = this.#headers
    const headers = authorization === undefined ? {} : { authorization }
    const { timeoutMs } = this.#options
    const url = this.#nodes.url('')
    return this.#client.send({ method: 'GET', url, headers, timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES })
  }
}
