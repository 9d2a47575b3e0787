import { randomBytes } from 'node:crypto'
import { type Counters, NO_COUNTERS } from '../chunk.js'
import { ClosedError, DeliveryError } from '../errors.js'
import { retryDelayMs } from '../retry-delay.js'
import { readTlsFiles } from '../tls-files.js'
import { WaitingLine } from '../waiting-line.js'
import { type ConnectionOptions, ForwardConnection } from './forward-connection.js'
import { cutEntries, type EntryRun, packFrame } from './forward-frame.js'
import {
  type ForwardOutputOptions,
  type ResolvedForwardOutputOptions,
  resolveForwardOutputOptions,
} from './forward-options.js'
import { FrameQueue } from './forward-queue.js'

/**
 * Sends chunks by the Fluent Forward protocol, as PackedForward frames over one connection, in the order of `send`, several on
 * their way at a time. When the connection fails or an ack does not come, everything unacknowledged is sent again under its old
 * chunk ids after a growing, spread wait; receivers that know the id take it once.
 */
export class ForwardOutput {
  readonly #options: ResolvedForwardOutputOptions
  readonly #connectionOptions: ConnectionOptions
  readonly #queue = new FrameQueue()
  readonly #waiting: WaitingLine
  #connection: ForwardConnection | undefined
  /** Makes chunk ids differ between outputs and runs; the number of the frame does so within one. */
  readonly #idPrefix = randomBytes(12).toString('hex')
  #numFrames = 0
  /** Failures since the last ack. */
  #failures = 0
  #cancelRetry: (() => void) | undefined
  #cancelAckTimeout: (() => void) | undefined
  #isTaking = true
  #isOver = false
  #closing: Promise<void> | undefined
  #flushed = () => {}

  /**
   * @param counters counts, each under `forward_output_…_total`: `frames`, `entries`, `bytes`, `acks`, `connections`, `failures`, `resends`,
   *   `abandoned`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: ForwardOutputOptions = {},
    readonly counters: Counters = NO_COUNTERS,
  ) {
    this.#options = resolveForwardOutputOptions(options)
    this.#connectionOptions = connectionOptions(this.#options)
    this.#waiting = new WaitingLine(this.#options.maxQueueBytes, () => this.#queue.bytes)
  }

  /** Whether the receiver is connected. */
  get connected(): boolean {
    return this.#connection?.isOpen ?? false
  }

  /** Bytes accepted and not delivered. */
  get queuedBytes(): number {
    return this.#queue.bytes
  }

  /** Connects before there is anything to send, so that `connected` says if the receiver is there. */
  connect(): void {
    if (this.#connection || this.#cancelRetry || this.#isOver) return
    this.#connection = new ForwardConnection(this.#connectionOptions, {
      opened: () => this.#opened(),
      acknowledged: chunkId => this.#acknowledged(chunkId),
      drained: () => this.#pump(),
      failed: reason => this.#failed(reason),
    })
  }

  /**
   * Sends entries under a tag, and resolves when all of them are delivered. Waits first while the queue is full. The memory of
   * `entries` belongs to the output until then.
   *
   * @param entries packed `[time, record]` entries one after the other; each buffer holds whole entries
   * @param count how many entries there are
   * @throws RecordTooLargeError when an entry fits no frame; none of the entries is sent
   * @throws DeliveryError when the retries allowed are used up, or `close` could not wait any longer
   * @throws ClosedError after `close`
   */
  async send(tag: string, entries: Buffer | readonly Buffer[], count: number): Promise<void> {
    if (!this.#isTaking) throw new ClosedError('the forward output is closed: send before closing it')
    const parts = Buffer.isBuffer(entries) ? [entries] : entries
    const runs = cutEntries(parts, count, Buffer.byteLength(tag), this.#options.maxFrameBytes)
    const bytes = runs.reduce((sum, run) => sum + run.bytes, 0)
    await this.#waiting.enter(bytes, () => this.#enqueueAll(tag, runs))
  }

  /** Takes nothing more, waits until everything is delivered, at most `closeTimeoutMs`, and disconnects. */
  close(): Promise<void> {
    this.#isTaking = false
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (!this.#isIdle()) await this.#flush()
    this.#isOver = true
    this.#cancelRetry?.()
    this.#cancelAckTimeout?.()
    this.#connection?.end()
    this.#connection = undefined
    const error = new DeliveryError(
      'the forward output was closed before the receiver took everything: send it again',
    )
    this.#waiting.reject(error)
    this.#abandon(error)
  }

  #isIdle(): boolean {
    return this.#queue.isEmpty && this.#waiting.isEmpty
  }

  #flush(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.schedule(resolve, this.#options.closeTimeoutMs)
      this.#flushed = () => {
        cancel()
        resolve()
      }
    })
  }

  /** Puts entries into the queue, and resolves when they are delivered. */
  #enqueueAll(tag: string, runs: readonly EntryRun[]): Promise<unknown> {
    const delivered = Promise.all(runs.map(run => this.#enqueue(tag, run)))
    this.connect()
    this.#pump()
    return delivered
  }

  #enqueue(tag: string, run: EntryRun): Promise<void> {
    const chunkId = `${this.#idPrefix}${(this.#numFrames++).toString(16)}`
    const pieces = packFrame(tag, run, this.#options.requireAck ? chunkId : undefined)
    this.counters.increment('forward_output_entries_total', run.count)
    return new Promise((delivered, lost) => {
      this.#queue.add({ chunkId, pieces, bytes: run.bytes, delivered, lost })
    })
  }

  /** Sends what may be sent now. */
  #pump(): void {
    const connection = this.#connection
    const { maxInFlightFrames, requireAck } = this.#options
    while (connection?.isOpen && connection.hasRoom && this.#queue.numInFlight < maxInFlightFrames) {
      const frame = this.#queue.take()
      if (frame === undefined) break
      this.counters.increment('forward_output_frames_total')
      this.counters.increment('forward_output_bytes_total', frame.bytes)
      connection.write(frame.pieces, () => requireAck || this.#delivered(frame.chunkId))
    }
    if (requireAck && this.#queue.numInFlight > 0) this.#cancelAckTimeout ??= this.#expectAck()
  }

  #expectAck(): () => void {
    const { ackTimeoutMs, schedule } = this.#options
    return schedule(() => this.#connection?.fail(`no ack came within ${ackTimeoutMs} ms`), ackTimeoutMs)
  }

  #opened(): void {
    this.counters.increment('forward_output_connections_total')
    this.#pump()
  }

  #acknowledged(chunkId: string): void {
    this.counters.increment('forward_output_acks_total')
    this.#cancelAckTimeout?.()
    this.#cancelAckTimeout = undefined
    this.#delivered(chunkId)
  }

  #delivered(chunkId: string): void {
    if (!this.#queue.deliver(chunkId)) return
    if (this.#failures > 0) this.#options.warn(`forward output: ${this.#receiver} takes chunks again`)
    this.#failures = 0
    this.#admit()
    this.#pump()
  }

  /** Lets those in who wait, as far as there is room. */
  #admit(): void {
    this.#waiting.admit()
    if (this.#isIdle()) this.#flushed()
  }

  #failed(reason: string): void {
    const wasIdle = (this.#connection?.wasOpen ?? false) && this.#queue.numInFlight === 0
    this.#connection = undefined
    this.#cancelAckTimeout?.()
    this.#cancelAckTimeout = undefined
    this.#failures = wasIdle ? 1 : this.#failures + 1
    this.counters.increment('forward_output_failures_total')
    this.counters.increment('forward_output_resends_total', this.#queue.rewind())
    if (this.#failures === 1) this.#options.warn(`forward output: ${this.#receiver}: ${reason}; trying again`)
    if (this.#failures > this.#options.maxRetries) {
      this.#abandon(
        new DeliveryError(`${this.#receiver} did not take the chunk (${reason}): see that it runs`),
      )
    }
    this.#cancelRetry = this.#options.schedule(
      () => this.#retry(),
      retryDelayMs(this.#failures, this.#options),
    )
  }

  #retry(): void {
    this.#cancelRetry = undefined
    this.connect()
  }

  #abandon(error: DeliveryError): void {
    const lost = this.#queue.abandon(error)
    if (lost > 0) this.counters.increment('forward_output_abandoned_total', lost)
    if (!this.#isOver) this.#admit()
  }

  get #receiver(): string {
    const { path, host, port } = this.#options
    return path ?? `${host}:${port}`
  }
}

/** How connections come to be. @throws ConfigError when the TLS files cannot be used */
export function connectionOptions(options: ResolvedForwardOutputOptions): ConnectionOptions {
  const { host, port, path, connectTimeoutMs, tls, sharedKey, selfHostname, username, password } = options
  return {
    host,
    port,
    ...(path !== undefined && { path }),
    connectTimeoutMs,
    tls: tls && { ...tls, contents: readTlsFiles('forwardOutput.tls', tls) },
    login: sharedKey === undefined ? undefined : { sharedKey, selfHostname, username, password },
  }
}
