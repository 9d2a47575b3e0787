import { setTimeout as sleep } from 'node:timers/promises'
import type { Replay } from '../replay.js'
import { batchesOf, type Expected } from './expected.js'
import { type Fault, type PlannedFault, plan } from './fault.js'
import { JournalReader, monotonicMs } from './journal.js'
import { Ledger } from './ledger.js'
import type { Topology } from './topology.js'

export interface DisturbOptions {
  readonly replay: Replay
  readonly expected: Expected
  /** Records a second that are handed in. */
  readonly rate: number
  readonly seed: number
  /** Nothing arriving for so long means that the pipeline does not recover. Default 60,000. */
  readonly patienceMs?: number
}

/** What became of records while faults happened. */
export interface Course {
  readonly ledger: Ledger
  readonly faults: readonly Fault[]
  /** From the first record handed in to the last one that arrived. */
  readonly seconds: number
}

const BATCH = 100
const POLL_MS = 20
const DEFAULT_PATIENCE_MS = 60_000
/** No record passing unscored for so long means that the model is there again. */
const SCORED_FOR_MS = 1000
/** Copies of records that are still to come are, once everything has come. */
const SETTLE_MS = 1500

/** Sends numbered records at a steady rate, what an outage held up as fast as it goes, and lets one fault follow another meanwhile. */
export class Disturbance {
  readonly #ledger: Ledger
  readonly #reader: JournalReader
  readonly #faults: Fault[] = []
  readonly #patienceMs: number
  /** Number of the record that is handed in next. */
  #next = 0
  #isOver = false

  constructor(
    readonly topology: Topology,
    readonly options: DisturbOptions,
  ) {
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS
    this.#ledger = new Ledger(options.expected)
    this.#reader = new JournalReader(topology.journal)
  }

  async run(): Promise<Course> {
    const startedMs = monotonicMs()
    const poll = setInterval(() => this.#reader.read(arrival => this.#ledger.take(arrival)), POLL_MS)
    try {
      const sent = this.#send(startedMs)
      await this.#disturb()
      // A pipeline that does not recover would never take the rest.
      await Promise.all([this.#arrived(), Promise.race([sent, this.#arrived()])])
      const seconds = (monotonicMs() - startedMs) / 1000
      await sleep(SETTLE_MS)
      return { ledger: this.#ledger, faults: this.#faults, seconds }
    } finally {
      this.#isOver = true
      clearInterval(poll)
      this.#reader.close()
    }
  }

  async #send(startedMs: number): Promise<void> {
    const { replay, expected, rate } = this.options
    for (const batch of batchesOf(replay, expected.total, BATCH)) {
      const waitMs = startedMs + (batch.first / rate) * 1000 - monotonicMs()
      if (waitMs > 0) await sleep(waitMs)
      if (this.#isOver) return
      this.#ledger.handIn(batch.first, batch.lines.length, monotonicMs())
      await this.topology.send(batch)
      this.#next = batch.first + batch.lines.length
    }
  }

  /** One fault after the other, as long as records are handed in. */
  async #disturb(): Promise<void> {
    const { expected, rate, seed } = this.options
    // Some programs may still be starting.
    await this.#caughtUp()
    for (const planned of plan(this.topology.kinds, seed)) {
      await sleep(planned.waitMs)
      const leftMs = ((expected.total - this.#next) / rate) * 1000
      if (leftMs < planned.downMs) return
      const fault = await this.#cause(planned)
      this.#faults.push(fault)
      if (!Number.isFinite(fault.caughtUpMs)) return
    }
  }

  async #cause({ kind, downMs }: PlannedFault): Promise<Fault> {
    const ledger = this.#ledger
    const beganMs = monotonicMs()
    await kind.begin()
    await sleep(downMs)
    await kind.end()
    const endedMs = monotonicMs()
    ledger.await(endedMs)
    const caughtUpMs = (await this.#caughtUp()) - endedMs
    const scoredMs = kind.unscores ? (await this.#scoredAgain(endedMs)) - endedMs : 0
    const recoveryMs = Math.max(ledger.firstAwaitedMs - endedMs, scoredMs)
    return {
      kind,
      beganMs,
      endedMs,
      recoveryMs: Number.isNaN(recoveryMs) ? Number.POSITIVE_INFINITY : recoveryMs,
      caughtUpMs,
    }
  }

  /** When the record that is handed in next has arrived, in milliseconds of the monotonic clock; infinite when it never does. */
  async #caughtUp(): Promise<number> {
    const ledger = this.#ledger
    const awaited = Math.min(this.#next, this.options.expected.total - 1)
    const deadline = monotonicMs() + this.#patienceMs
    while (ledger.counts[awaited] === 0 && monotonicMs() < deadline) await sleep(POLL_MS)
    return ledger.counts[awaited] === 0 ? Number.POSITIVE_INFINITY : ledger.firstMs[awaited]!
  }

  /** When the last record passed unscored, at the earliest `fromMs`; infinite when that does not end. */
  async #scoredAgain(fromMs: number): Promise<number> {
    const deadline = monotonicMs() + this.#patienceMs
    for (; monotonicMs() < deadline; await sleep(POLL_MS)) {
      const lastMs = Math.max(fromMs, this.#ledger.lastUnscoredMs)
      if (monotonicMs() - lastMs > SCORED_FOR_MS) return lastMs
    }
    return Number.POSITIVE_INFINITY
  }

  /** Waits until every record has arrived, or none does any more. */
  async #arrived(): Promise<void> {
    const ledger = this.#ledger
    let last = -1
    for (let deadline = monotonicMs() + this.#patienceMs; monotonicMs() < deadline; await sleep(POLL_MS)) {
      if (ledger.numArrived === this.options.expected.total) return
      if (ledger.numArrived !== last) deadline = monotonicMs() + this.#patienceMs
      last = ledger.numArrived
    }
  }
}
