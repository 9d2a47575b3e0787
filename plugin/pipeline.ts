import { LRUCache } from 'lru-cache'
import {
  type Chunk,
  type ChunkTransaction,
  type Counters,
  EntryIndex,
  entryEnd,
  entryKind,
  entryStart,
  entryTimeMs,
  type PackedEntries,
  recordStart,
} from './chunk.js'
import type { DeadLetter } from './dead-letter.js'
import { FIELD_KEY, VerdictEncoder } from './encode-verdict.js'
import type { Engine } from './engine.js'
import type { ClosedSummary, Judged, LineInput } from './engine-parts.js'
import { RecordsRefusedError, RecordTooLargeError } from './errors.js'
import { fieldPath, findField, readText } from './msgpack/field.js'
import { NOT_FOUND } from './msgpack/header.js'
import { PackWriter } from './msgpack/write.js'
import { copyEntry, writeEntry } from './output/forward-entry.js'
import type { Delivery, Output } from './output/output.js'
import type { FieldSet, SessionSummary, Verdict } from './verdict.js'
import type { Watch } from './watch.js'

export interface PipelineOptions {
  readonly lineFields: readonly string[]
  readonly fields: FieldSet
  /** Outgoing tags are this before the incoming tag. */
  readonly tagPrefix: string
  /** Whether summaries of sessions are sent. */
  readonly hasSummaries: boolean
  /** Path of the field that holds the session id, where the session rule says so. */
  readonly sessionPath: readonly string[] | undefined
  readonly now: () => number
  /** Is told of what was found. */
  readonly watch?: Watch | undefined
}

/** Tag of session summaries. */
export const SUMMARY_TAG = 'logneo.session'
/** Judged chunks that could not be delivered and are kept for when their sender repeats them. */
const MAX_UNDELIVERED = 256

/** Entries ready for the outputs. */
interface Tagged {
  readonly tag: string
  readonly chunkId?: string | undefined
  readonly records: Outgoing
  readonly summaries: Outgoing
}

interface Outgoing {
  readonly entries: PackedEntries
  /** The session of each entry. */
  readonly sessions: readonly (string | undefined)[]
}

/** A chunk's way through the stage: lines out of records, verdicts, records with verdicts, outputs. */
export class Pipeline {
  readonly #encoder: VerdictEncoder
  readonly #writer = new PackWriter()
  readonly #linePaths: readonly (readonly Buffer[])[]
  readonly #sessionPath: readonly Buffer[] | undefined
  /** By chunk id and tag: sent again, they must not be judged again. */
  readonly #undelivered = new LRUCache<string, Tagged>({ max: MAX_UNDELIVERED })

  constructor(
    readonly engine: Engine,
    readonly outputs: readonly Output[],
    readonly deadLetter: DeadLetter | undefined,
    readonly counters: Counters,
    readonly options: PipelineOptions,
  ) {
    this.#encoder = new VerdictEncoder(options.fields)
    this.#linePaths = options.lineFields.map(field => fieldPath(field))
    this.#sessionPath = options.sessionPath && fieldPath(options.sessionPath)
  }

  /** Judges and delivers a chunk; resolves when every output has it. A chunk whose delivery failed is not judged again when it is repeated. */
  async handle(chunk: Chunk): Promise<void> {
    const name = chunk.chunkId === undefined ? undefined : `${chunk.chunkId} ${chunk.tag}`
    const kept = name === undefined ? undefined : this.#undelivered.get(name)
    const tagged = kept ?? (await this.#tag(chunk))
    try {
      await this.#deliver(tagged, chunk.transaction)
      await chunk.transaction?.commit()
    } catch (error) {
      if (name !== undefined) this.#undelivered.set(name, tagged)
      throw error
    }
    if (name !== undefined && kept !== undefined) this.#undelivered.delete(name)
  }

  /** Delivers summaries of sessions that closed without a chunk. */
  async deliverSummaries(summaries: readonly SessionSummary[]): Promise<void> {
    this.#countClosed(summaries)
    for (const summary of summaries) this.options.watch?.closed(summary)
    const packed = this.#packSummaries(summaries.map(summary => ({ after: 0, summary })))
    await this.#deliver({ tag: '', records: NOTHING, summaries: packed })
  }

  async #tag(chunk: Chunk): Promise<Tagged> {
    const { entries } = chunk
    const inputs: LineInput[] = []
    const places: number[] = []
    for (let i = 0; i < entries.count; i++) {
      if (entryKind(entries, i) !== 'event') continue
      inputs.push(this.#input(chunk, i))
      places.push(i)
    }
    const judged = await this.engine.judge(inputs)
    this.#count(judged)
    this.options.watch?.chunk(chunk, inputs, places, judged)
    return {
      tag: `${this.options.tagPrefix}${chunk.tag}`,
      chunkId: chunk.chunkId,
      records: this.#packRecords(chunk, judged.verdicts, places),
      summaries: this.#packSummaries(judged.summaries),
    }
  }

  #input({ entries, origin }: Chunk, i: number): LineInput {
    const { buffer } = entries
    const start = recordStart(entries, i)
    const end = entryEnd(entries, i)
    const timeMs = entryTimeMs(entries, i)
    for (const path of this.#linePaths) {
      const at = findField(buffer, start, end, path)
      if (at === NOT_FOUND) continue
      const line = readText(buffer, at, end)
      return this.#sessionPath === undefined
        ? { line, timeMs, origin }
        : { line, timeMs, origin, sessionId: this.#sessionId(buffer, start, end) }
    }
    return { line: undefined, timeMs }
  }

  #sessionId(buffer: Buffer, start: number, end: number): string | undefined {
    const at = findField(buffer, start, end, this.#sessionPath!)
    return at === NOT_FOUND ? undefined : readText(buffer, at, end)
  }

  /** Events with their verdicts, group markers as they came; broken entries, which no receiver takes, go to the dead letters. */
  #packRecords(chunk: Chunk, verdicts: readonly Verdict[], places: readonly number[]): Outgoing {
    const { entries } = chunk
    const index = new EntryIndex(entries.count)
    const writer = this.#writer
    writer.reset()
    const ends: number[] = []
    const sessions: (string | undefined)[] = []
    let next = 0
    for (let i = 0; i < entries.count; i++) {
      if (places[next] === i) {
        const verdict = verdicts[next++]!
        sessions.push(verdict.session)
        writeEntry(writer, entries, i, FIELD_KEY, this.#encoder.verdict(verdict))
      } else if (entryKind(entries, i) === 'group') {
        sessions.push(undefined)
        copyEntry(writer, entries, i)
      } else {
        const bytes = entries.buffer.subarray(entryStart(entries, i), entryEnd(entries, i))
        this.#bury(chunk.source, 'an entry that is not [time, record]', bytes)
        continue
      }
      ends.push(writer.length)
    }
    return { entries: indexed(writer.take(), ends, index), sessions }
  }

  #packSummaries(summaries: readonly ClosedSummary[]): Outgoing {
    if (!this.options.hasSummaries || summaries.length === 0) return NOTHING
    const index = new EntryIndex(summaries.length)
    const writer = this.#writer
    writer.reset()
    const ends: number[] = []
    for (const { summary } of summaries) {
      writer.arrayHeader(2)
      writer.eventTimeMs(this.options.now())
      writer.mapHeader(1)
      writer.raw(FIELD_KEY, 0, FIELD_KEY.length)
      const value = this.#encoder.summary(summary)
      writer.raw(value, 0, value.length)
      ends.push(writer.length)
    }
    return {
      entries: indexed(writer.take(), ends, index),
      sessions: summaries.map(({ summary }) => summary.session),
    }
  }

  async #deliver(
    { tag, chunkId, records, summaries }: Tagged,
    transaction?: ChunkTransaction,
  ): Promise<void> {
    await Promise.all(
      this.outputs.flatMap(output => [
        this.#deliverTo(output, tag, records, { chunkId, transaction }),
        this.#deliverTo(output, SUMMARY_TAG, summaries, { chunkId, transaction }),
      ]),
    )
  }

  /** Delivers entries; one that is too large for the output goes to the dead letters and the others are tried again. */
  async #deliverTo(
    output: Output,
    tag: string,
    { entries, sessions }: Outgoing,
    origin: Pick<Delivery, 'chunkId' | 'transaction'>,
  ): Promise<void> {
    if (entries.count === 0) return
    try {
      await output.deliver(tag, entries, { ...origin, sessions })
    } catch (error) {
      if (error instanceof RecordsRefusedError) {
        for (const { entryIndex, reason } of error.refused)
          this.#buryEntry(output, reason, entries, entryIndex)
        return
      }
      if (!(error instanceof RecordTooLargeError)) throw error
      const at = error.entryIndex
      this.#buryEntry(output, error.message, entries, at)
      const rest = { entries: without(entries, at), sessions: sessions.toSpliced(at, 1) }
      await this.#deliverTo(output, tag, rest, origin)
    }
  }

  #buryEntry(output: Output, reason: string, entries: PackedEntries, i: number): void {
    this.#bury(output.name, reason, entries.buffer.subarray(entryStart(entries, i), entryEnd(entries, i)))
  }

  #bury(source: string, reason: string, bytes: Uint8Array): void {
    this.counters.increment('records_buried_total')
    void this.deadLetter?.write(source, reason, bytes)
  }

  #count({ verdicts, summaries }: Judged): void {
    this.counters.increment('events_total', verdicts.length)
    for (const { status, session, reasons } of verdicts) {
      if (reasons !== undefined) this.#countLabelled('anomalies_total', { detector: reasons[0]! })
      if (status === 'unscored') {
        this.#countLabelled('unscored_total', { reason: session === undefined ? 'no_session' : 'scorer' })
      }
    }
    this.#countClosed(summaries.map(({ summary }) => summary))
  }

  #countClosed(summaries: readonly SessionSummary[]): void {
    for (const { closed } of summaries) this.#countLabelled('sessions_closed_total', { reason: closed })
  }

  #countLabelled(name: string, labels: Readonly<Record<string, string>>): void {
    if (this.counters.labelled === undefined) this.counters.increment(name)
    else this.counters.labelled(name, labels)
  }
}

const NO_ENTRIES: PackedEntries = { buffer: Buffer.alloc(0), count: 0, offsets: new Uint32Array(0) }
const NOTHING: Outgoing = { entries: NO_ENTRIES, sessions: [] }

/** Entries that end at `ends`, one after the other from the beginning of `buffer`. */
function indexed(buffer: Buffer, ends: readonly number[], index: EntryIndex): PackedEntries {
  let start = 0
  for (const end of ends) {
    index.add(buffer, start, end)
    start = end
  }
  return index.entries(buffer)
}

function without(entries: PackedEntries, at: number): PackedEntries {
  const { buffer, count } = entries
  const index = new EntryIndex(count)
  const kept = Buffer.concat([
    buffer.subarray(0, entryStart(entries, at)),
    buffer.subarray(entryEnd(entries, at)),
  ])
  const ends: number[] = []
  const removed = entryEnd(entries, at) - entryStart(entries, at)
  for (let i = 0; i < count; i++) if (i !== at) ends.push(entryEnd(entries, i) - (i > at ? removed : 0))
  return indexed(kept, ends, index)
}
