import { bodyStart, readArrayHeader, readMapHeader } from './msgpack/header.js'
import { skip } from './msgpack/scan.js'
import { eventTimeSeconds, isTime, timeMs } from './msgpack/time.js'

/** One chunk: entries sent under one tag, still packed. */
export interface Chunk {
  readonly tag: string
  /** The sender's name for the chunk, the same each time it is sent again; missing when no ack is wanted. */
  readonly chunkId?: string
  readonly entries: PackedEntries
  /** Where it came from, for messages and the dead-letter file: `forward 10.0.0.7:41234`. */
  readonly source: string
  /** Where entries have positions in a log, such as the offsets of a partition: so they are known again however they are cut into chunks. */
  readonly log?: LogPositions
  /** What another replica may take over, such as a partition: its sessions leave this process together. */
  readonly origin?: string
  /** What its deliveries are to become visible with; missing: each is visible at once. */
  readonly transaction?: ChunkTransaction
}

/** Deliveries of one chunk that become visible together, and together with the input's note that the chunk is done. */
export interface ChunkTransaction {
  /** To be called when every output has accepted the chunk. When it rejects, the chunk is not delivered. */
  commit(): Promise<void>
}

/** Places in a log that is read in its order. */
export interface LogPositions {
  /** Names the log. */
  readonly name: string
  /** Of each entry, ascending; they may have gaps. */
  readonly positions: readonly number[]
}

/**
 * Entries as they came over the wire: one buffer and, for each entry, `ENTRY_STRIDE` positions in it, `entryStart`,
 * `timeStart`, `recordStart`, `entryEnd`. The record is the last part of an entry, so it ends at `entryEnd`. An entry
 * that is not understood has `recordStart` equal to `entryEnd`. Every entry is whole, valid msgpack.
 */
export interface PackedEntries {
  readonly buffer: Buffer
  readonly count: number
  readonly offsets: Uint32Array
}

/** Numbers an entry takes in `PackedEntries.offsets`. */
export const ENTRY_STRIDE = 4

/** Resolves when every output accepted the chunk; when it rejects, the chunk is not acknowledged. */
export type ChunkHandler = (chunk: Chunk) => Promise<void>

/** An `event` is a log record; a `group` marks the start or end of an OTLP group; `broken` was not understood. */
export type EntryKind = 'event' | 'group' | 'broken'

/** Counts what happened, by name. */
export interface Counters {
  increment(name: string, by?: number): void
  /** Counts apart by labels, where the counter can; else `increment` counts all together. */
  labelled?(name: string, labels: Readonly<Record<string, string>>, by?: number): void
}

/** For those who do not count. */
export const NO_COUNTERS: Counters = { increment() {} }

/** Fluent Bit marks the start and end of an OTLP group with these seconds. */
const GROUP_SECONDS = 0xfffffffe

export const entryStart = (entries: PackedEntries, i: number): number => entries.offsets[i * ENTRY_STRIDE]!
export const timeStart = (entries: PackedEntries, i: number): number => entries.offsets[i * ENTRY_STRIDE + 1]!
export const recordStart = (entries: PackedEntries, i: number): number =>
  entries.offsets[i * ENTRY_STRIDE + 2]!
/** Also where the record ends. */
export const entryEnd = (entries: PackedEntries, i: number): number => entries.offsets[i * ENTRY_STRIDE + 3]!

/** What entry `i` is. Only an `event` has a record to look into; pass the others on as they came. */
export function entryKind(entries: PackedEntries, i: number): EntryKind {
  if (recordStart(entries, i) === entryEnd(entries, i)) return 'broken'
  return eventTimeSeconds(entries.buffer, timeStart(entries, i)) >= GROUP_SECONDS ? 'group' : 'event'
}

/** Time of entry `i` in milliseconds since the epoch; NaN for broken entries and times before the epoch. */
export function entryTimeMs(entries: PackedEntries, i: number): number {
  const isBroken = recordStart(entries, i) === entryEnd(entries, i)
  return isBroken ? Number.NaN : timeMs(entries.buffer, timeStart(entries, i))
}

/** Finds the parts of entries one after the other. */
export class EntryIndex {
  #offsets: Uint32Array
  /** Entries found so far. */
  count = 0
  /** Those of them that were not understood. */
  numBroken = 0

  /** @param expected about how many entries will come; more may */
  constructor(expected = 64) {
    this.#offsets = new Uint32Array(expected * ENTRY_STRIDE)
  }

  /**
   * Notes the entry at `[start, end)`, which is one whole msgpack value: `[time, record]` or
   * `[[time, metadata], record]`; anything else is noted as broken.
   */
  add(buf: Buffer, start: number, end: number): void {
    let time = start
    let record = end
    if (readArrayHeader(buf, start) === 2) {
      time = bodyStart(buf, start)
      record = skip(buf, time, end)
      if (readArrayHeader(buf, time) === 2) time = bodyStart(buf, time)
      if (!isTime(buf, time) || readMapHeader(buf, record) < 0) record = end
    }
    this.addParts(start, time, record, end)
  }

  /** Notes an entry whose parts are known. */
  addParts(start: number, time: number, record: number, end: number): void {
    const at = this.count * ENTRY_STRIDE
    if (at === this.#offsets.length) {
      const grown = new Uint32Array(at * 2)
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    this.#offsets[at] = start
    this.#offsets[at + 1] = time
    this.#offsets[at + 2] = record
    this.#offsets[at + 3] = end
    this.count++
    if (record === end) this.numBroken++
  }

  /** The entries found, all of which are in `buffer`. */
  entries(buffer: Buffer): PackedEntries {
    return { buffer, count: this.count, offsets: this.#offsets.subarray(0, this.count * ENTRY_STRIDE) }
  }
}
