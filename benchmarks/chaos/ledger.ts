import type { Expected } from './expected.js'
import type { Arrival } from './journal.js'
import { isScored } from './verdict-code.js'

/** Scores computed in other batches agree within this. */
const SCORE_TOLERANCE = 1e-4

/** Unexpected verdicts that are kept to be looked at. */
const MAX_NOTED = 100_000

/** Keeps book of what was sent and what arrived of the numbered records. */
export class Ledger {
  /** When each record was handed in, in milliseconds of the monotonic clock. */
  readonly handedMs: Float64Array
  /** How often each record arrived, up to 255. */
  readonly counts: Uint8Array
  /** Of each record's first and last arrival, in milliseconds of the monotonic clock. */
  readonly firstMs: Float64Array
  readonly lastMs: Float64Array
  /** By record, whether an arrival's verdict was not the expected one, and whether one was not scored although it was to be. */
  readonly differs: Uint8Array
  readonly unscored: Uint8Array
  /** What the last unexpected verdict of some records was. */
  readonly unexpected = new Map<number, { readonly code: number; readonly score: number }>()
  numArrived = 0
  /** Arrivals with a number that was never sent. */
  numStrange = 0
  /** Of the last unscored arrival that was to be scored; -Infinity before the first. */
  lastUnscoredMs = Number.NEGATIVE_INFINITY
  #awaitedMs = Number.POSITIVE_INFINITY
  /** Of the first arrival since `await`; NaN before it. */
  firstAwaitedMs = Number.NaN

  constructor(readonly expected: Expected) {
    const { total } = expected
    this.handedMs = new Float64Array(total)
    this.counts = new Uint8Array(total)
    this.firstMs = new Float64Array(total)
    this.lastMs = new Float64Array(total)
    this.differs = new Uint8Array(total)
    this.unscored = new Uint8Array(total)
  }

  /** Notes that records are handed in. */
  handIn(first: number, count: number, atMs: number): void {
    this.handedMs.fill(atMs, first, first + count)
  }

  take({ number, code, score, atMs }: Arrival): void {
    const { counts, expected } = this
    if (number >= expected.total) {
      this.numStrange++
      return
    }
    if (atMs >= this.#awaitedMs && Number.isNaN(this.firstAwaitedMs)) this.firstAwaitedMs = atMs
    if (counts[number] === 0) {
      this.numArrived++
      this.firstMs[number] = atMs
    }
    if (counts[number]! < 255) counts[number]!++
    this.lastMs[number] = atMs
    this.#compare(number, code, score, atMs)
  }

  /** Notes the first arrival from a time on. */
  await(fromMs: number): void {
    this.#awaitedMs = fromMs
    this.firstAwaitedMs = Number.NaN
  }

  #note(number: number, code: number, score: number): void {
    this.differs[number] = 1
    if (this.unexpected.size < MAX_NOTED) this.unexpected.set(number, { code, score })
  }

  #compare(number: number, code: number, score: number, atMs: number): void {
    const { codes, scores } = this.expected
    const isEqual = code === codes[number] && Math.abs(score - scores[number]!) <= SCORE_TOLERANCE
    if (!isEqual) this.#note(number, code, score)
    if (isScored(code) || !isScored(codes[number]!)) return
    this.unscored[number] = 1
    this.lastUnscoredMs = atMs
  }
}
