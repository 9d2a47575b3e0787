import { setTimeout as sleep } from 'node:timers/promises'
import { type Counters, NO_COUNTERS } from '../chunk.js'
import { Fifo } from '../fifo.js'
import type { ClosedEvent, FlaggedEvent, Observer } from '../observer.js'
import { retryDelayMs } from '../retry-delay.js'
import { archiveRows } from './archive.js'
import { type Database, HistoryError } from './database.js'
import { expireRows, insertRows } from './history-store.js'
import { migrate } from './migrations.js'
import { type HistoryOptions, type ResolvedHistoryOptions, resolveHistoryOptions } from './options.js'
import { anomalyRow, KINDS, type Kind, rowText, sessionRow } from './rows.js'

const DAY_MS = 86_400_000
/** Rows archived in one transaction. */
const MAX_EXPIRED = 1000

interface Queued {
  readonly kind: Kind
  readonly text: string
}

/**
 * Keeps anomalies and summaries of sessions in a database. Nothing waits for it: rows queue up to a bound while the database is away, and
 * are counted and dropped beyond.
 */
export class History implements Observer {
  readonly #options: ResolvedHistoryOptions
  readonly #queue = new Fifo<Queued>()
  readonly #closing = new AbortController()
  readonly #work: Promise<void>
  #queuedBytes = 0
  #isOpen = true
  #wake = () => {}
  #failures = 0

  /**
   * @param database is closed with the history
   * @param counters counts, each under `history_…_total`: `rows`, `repeated_rows`, `dropped_rows`, `failures`, `expired_rows`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    readonly database: Database,
    options: HistoryOptions = {},
    readonly counters: Counters = NO_COUNTERS,
  ) {
    this.#options = resolveHistoryOptions(options)
    this.#work = this.#run().finally(() => {
      this.#isOpen = false
    })
  }

  /** Bytes accepted and not written. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  flagged(event: FlaggedEvent): void {
    this.#add('anomalies', rowText(anomalyRow(event, this.#options.now())))
  }

  closed(event: ClosedEvent): void {
    if (this.#options.sessions === 'all' || event.summary.anomaly)
      this.#add('sessions', rowText(sessionRow(event)))
  }

  /** Takes nothing more, writes what waits, at most for `closeTimeoutMs`, and closes the database. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#wake()
    if (this.#queuedBytes > 0) await this.#settled()
    this.#closing.abort()
    this.#drop(this.#queue.length)
    await this.database.close()
  }

  /** Waits until what is queued is written, at most `closeTimeoutMs`. */
  async #settled(): Promise<void> {
    const late = new AbortController()
    const timeout = sleep(this.#options.closeTimeoutMs, undefined, { signal: late.signal }).catch(() => {})
    await Promise.race([this.#work, timeout])
    late.abort()
  }

  #add(kind: Kind, text: string): void {
    if (!this.#isOpen || this.#queuedBytes + text.length > this.#options.maxQueueBytes) {
      this.#drop(1)
      return
    }
    this.#queuedBytes += text.length
    this.#queue.push({ kind, text })
    if (this.#queue.length === 1 || this.#queue.length >= this.#options.maxBatchRows) this.#wake()
  }

  #drop(count: number): void {
    if (count > 0) this.counters.increment('history_dropped_rows_total', count)
  }

  /** Writes, and now and then takes out what is too old, until closed and empty. */
  async #run(): Promise<void> {
    const { now, expireEveryMs, flushMs, maxBatchRows } = this.#options
    if (!(await this.#untilDone(() => migrate(this.database)))) return
    let expireAt = now()
    const { signal } = this.#closing
    while (!signal.aborted && (this.#isOpen || this.#queue.length > 0)) {
      if (this.#isOpen && now() >= expireAt) {
        await this.#expire()
        expireAt = now() + expireEveryMs
      }
      if (this.#queue.length === 0) {
        await this.#woken(expireEveryMs)
        continue
      }
      if (this.#isOpen && this.#queue.length < maxBatchRows) await this.#woken(flushMs)
      if (!(await this.#flush())) return
    }
  }

  /** Waits until there is something to do, at most `ms`. */
  async #woken(ms: number): Promise<void> {
    if (!this.#isOpen) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      this.#wake = resolve
      timer = setTimeout(resolve, ms).unref()
    })
    clearTimeout(timer)
  }

  /** @returns false when closing took too long */
  async #flush(): Promise<boolean> {
    while (this.#queue.length > 0) {
      const batch: Queued[] = []
      while (batch.length < this.#options.maxBatchRows && this.#queue.length > 0)
        batch.push(this.#queue.shift()!)
      if (!(await this.#untilDone(() => this.#write(batch)))) {
        this.#drop(batch.length)
        return false
      }
      for (const { text } of batch) this.#queuedBytes -= text.length
    }
    return true
  }

  async #write(batch: readonly Queued[]): Promise<void> {
    for (const kind of KINDS)
      await this.#insert(
        kind,
        batch.filter(row => row.kind === kind).map(({ text }) => text),
      )
  }

  /** Rows that the database refuses are found by halves and dropped: one of them must not hold up all others. */
  async #insert(kind: Kind, texts: readonly string[]): Promise<void> {
    if (texts.length === 0) return
    try {
      const numNew = await insertRows(this.database, kind, `[${texts.join(',')}]`)
      this.counters.increment('history_rows_total', numNew)
      this.counters.increment('history_repeated_rows_total', texts.length - numNew)
    } catch (error) {
      if (!isAboutData(error)) throw error
      if (texts.length === 1) {
        this.#options.warn(`${this.database.name} refused a row: ${(error as Error).message}`)
        this.#drop(1)
        return
      }
      const middle = texts.length >> 1
      await this.#insert(kind, texts.slice(0, middle))
      await this.#insert(kind, texts.slice(middle))
    }
  }

  /** Tries again after growing waits. @returns false when the history was closed meanwhile */
  async #untilDone(work: () => Promise<void>): Promise<boolean> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await work()
        if (this.#failures > 0) this.#options.warn(`${this.database.name} works again`)
        this.#failures = 0
        return true
      } catch (error) {
        if (signal.aborted) return false
        this.#failed(error as Error)
        await sleep(retryDelayMs(this.#failures, this.#options), undefined, { signal, ref: false }).catch(
          () => {},
        )
        if (error instanceof HistoryError && !error.retriable) return false
      }
    }
    return false
  }

  #failed(error: Error): void {
    this.#failures++
    this.counters.increment('history_failures_total')
    const text = error.message || (error as NodeJS.ErrnoException).code
    if (this.#failures === 1) this.#options.warn(`${this.database.name}: ${text}; anomalies wait to be kept`)
  }

  /** What fails now is tried again next time. */
  async #expire(): Promise<void> {
    const { now, retentionDays, archive, warn } = this.#options
    const before = new Date(now() - retentionDays * DAY_MS).toISOString()
    const keep = (kind: Kind) => async (rows: readonly string[]) => {
      if (archive !== undefined) await archiveRows(archive, kind, rows, now())
    }
    try {
      for (const kind of KINDS) {
        let count: number
        do {
          count = await expireRows(this.database, kind, before, MAX_EXPIRED, keep(kind))
          this.counters.increment('history_expired_rows_total', count)
        } while (count === MAX_EXPIRED && this.#isOpen)
      }
    } catch (error) {
      this.counters.increment('history_failures_total')
      warn(`old rows stay in ${this.database.name} for now: ${(error as Error).message}`)
    }
  }
}

/** SQLSTATE classes 22 (data) and 23 (constraints). */
const isAboutData = (error: unknown): boolean =>
  /^2[23]/.test(String((error as { code?: unknown }).code ?? ''))
