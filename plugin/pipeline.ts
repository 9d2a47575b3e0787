import {
  type Chunk,
  type ChunkTransaction,
  type Counters,
  entryEnd,
  entryKind,
  entryStart,
  entryTimeMs,
  type PackedEntries,
  recordStart,
} from './chunk.js'
import type { DeadLetter } from './dead-letter.js'
import type { ChunkIdentity, ClosedSummary, Judged, LineInput } from './engine-parts.js'
import { RecordsRefusedError, RecordTooLargeError } from './errors.js'
import type { ResolvedJoinOptions } from './join/options.js'
import { PartReader } from './join/part-reader.js'
import { type JudgeChain, judgeChain } from './line-judges.js'
import { fieldPath, findField, readText } from './msgpack/field.js'
import { NOT_FOUND } from './msgpack/header.js'
import { type Delivery, type Output, outputKind } from './output/output.js'
import { RecordPacker } from './record-packer.js'
import { entriesEndingAt, type Outgoing } from './route/lanes.js'
import type { ResolvedRouteOptions } from './route/options.js'
import { Router } from './route/router.js'
import type { SessionStore } from './store/session-store.js'
import { type Tagged, Undelivered } from './undelivered.js'
import type { FieldSet, SessionSummary } from './verdict.js'
import type { Watch } from './watch.js'

export interface PipelineOptions {
  readonly lineFields: readonly string[]
  readonly fields: FieldSet
  /** Outgoing tags are this before the incoming tag. */
  readonly tagPrefix: string
  /** Whether summaries of sessions are sent. */
  readonly hasSummaries: boolean
  /** Where records go by their verdicts; missing: all of them everywhere. */
  readonly route?: ResolvedRouteOptions | undefined
  /** Path of the field that holds the session id, where the session rule says so. */
  readonly sessionPath: readonly string[] | undefined
  /** How lines that belong together are told; missing: each is judged alone. */
  readonly join?: ResolvedJoinOptions | undefined
  /** How long lines are held back to be put into the order of their times, in milliseconds. Default 0: not at all. */
  readonly reorderMs?: number | undefined
  readonly now: () => number
  /** Is told of what was found. */
  readonly watch?: Watch | undefined
  /** Told of failures that no chunk hears of. */
  readonly onFailure?: (error: unknown) => void
}

/** Tag of session summaries. */
export const SUMMARY_TAG = 'logneo.session'

/** A chunk's way through the stage: lines out of records, verdicts, records with verdicts, outputs. */
export class Pipeline {
  readonly #packer: RecordPacker
  readonly #linePaths: readonly (readonly Buffer[])[]
  readonly #sessionPath: readonly Buffer[] | undefined
  readonly #parts: PartReader | undefined
  readonly #chain: JudgeChain
  /** By chunk id and tag: sent again, they must not be judged again. */
  readonly #undelivered: Undelivered

  constructor(
    readonly store: SessionStore,
    readonly outputs: readonly Output[],
    readonly deadLetter: DeadLetter | undefined,
    readonly counters: Counters,
    readonly options: PipelineOptions,
  ) {
    const { fields, tagPrefix, route } = options
    this.#packer = new RecordPacker({
      fields,
      tagPrefix,
      router: route && new Router(route, tagPrefix, counters),
      emitMetadata: outputs.some(({ takesMetadata }) => takesMetadata),
      now: options.now,
      bury: ({ source }, bytes) => this.#bury(source, 'an entry that is not [time, record]', bytes),
    })
    this.#undelivered = new Undelivered(counters)
    this.#linePaths = options.lineFields.map(field => fieldPath(field))
    this.#sessionPath = options.sessionPath && fieldPath(options.sessionPath)
    const { join, reorderMs = 0, now } = options
    this.#parts = join && new PartReader(join)
    this.#chain = judgeChain(store, {
      join,
      reorderMs,
      now,
      deliver: summaries => this.#deliverLate(summaries),
    })
  }

  /** Judges and delivers a chunk; resolves when every output has it. A chunk whose delivery failed is not judged again when it is repeated. */
  async handle(chunk: Chunk): Promise<void> {
    const name = nameOf(chunk)
    const identity = name === undefined ? undefined : identityOf(name, chunk)
    const kept = name === undefined ? undefined : this.#undelivered.get(name)
    const tagged = kept ?? (await this.#tag(chunk, identity))
    if (tagged === undefined) return
    try {
      await this.#deliver(tagged, chunk.transaction)
      await chunk.transaction?.commit()
    } catch (error) {
      if (name !== undefined) this.#undelivered.keep(name, tagged)
      throw error
    }
    if (name === undefined) return
    if (kept !== undefined) this.#undelivered.forget(name)
    this.store.delivered(identity!)
  }

  /** Takes note that a chunk whose delivery failed is delivered nevertheless, and is not sent again. */
  settled(chunk: Chunk): void {
    const name = nameOf(chunk)
    if (name === undefined) return
    this.#undelivered.forget(name)
    this.store.delivered(identityOf(name, chunk))
  }

  /** Holds no line back any longer to wait for others: for those who stop. */
  hurry(): void {
    this.#chain.hurry()
  }

  /** Forgets what is known of the programs of an origin (Chunk.origin) that another replica goes on with. */
  forget(origin: string): void {
    this.#chain.release(origin)
  }

  /** Delivers summaries of sessions that closed without a chunk. @param chunkId their name, where they may be delivered again */
  async deliverSummaries(summaries: readonly SessionSummary[], chunkId?: string): Promise<void> {
    this.#countClosed(summaries)
    for (const summary of summaries) this.options.watch?.closed(summary)
    const closed = summaries.map(summary => ({ after: 0, summary }))
    const summed = this.#packSummaries(closed)
    await this.#deliver({ chunkId, lanes: this.#packer.closed(closed), summaries: summed })
  }

  #deliverLate(summaries: readonly ClosedSummary[]): void {
    if (summaries.length === 0) return
    this.deliverSummaries(summaries.map(({ summary }) => summary)).catch(error =>
      this.options.onFailure?.(error),
    )
  }

  /** @returns undefined where it was delivered before */
  async #tag(chunk: Chunk, identity: ChunkIdentity | undefined): Promise<Tagged | undefined> {
    const { entries } = chunk
    const inputs: LineInput[] = []
    const places: number[] = []
    for (let i = 0; i < entries.count; i++) {
      if (entryKind(entries, i) !== 'event') continue
      inputs.push(this.#input(chunk, i))
      places.push(i)
    }
    const judged = await this.#chain.judge.judge(inputs, identity)
    if (judged.isDelivered === true) return undefined
    this.#count(judged)
    this.options.watch?.chunk(chunk, inputs, places, judged)
    const { verdicts, summaries } = judged
    return {
      chunkId: chunk.chunkId,
      lanes: this.#packer.records(chunk, verdicts, places, summaries),
      summaries: this.#packSummaries(summaries),
    }
  }

  #input(chunk: Chunk, i: number): LineInput {
    const { entries, origin } = chunk
    const { buffer } = entries
    const start = recordStart(entries, i)
    const end = entryEnd(entries, i)
    const timeMs = entryTimeMs(entries, i)
    for (const path of this.#linePaths) {
      const at = findField(buffer, start, end, path)
      if (at === NOT_FOUND) continue
      const line = readText(buffer, at, end)
      if (line === undefined) continue
      const sessionId = this.#sessionPath && this.#sessionId(buffer, start, end)
      const part = this.#parts?.read(chunk, buffer, start, end, line)
      return { line, timeMs, origin, sessionId, part }
    }
    return { line: undefined, timeMs }
  }

  #sessionId(buffer: Buffer, start: number, end: number): string | undefined {
    const at = findField(buffer, start, end, this.#sessionPath!)
    return at === NOT_FOUND ? undefined : readText(buffer, at, end)
  }

  #packSummaries(summaries: readonly ClosedSummary[]): Outgoing {
    const isWanted = this.options.hasSummaries && summaries.length > 0
    return isWanted ? this.#packer.summaries(summaries) : NOTHING
  }

  async #deliver({ chunkId, lanes, summaries }: Tagged, transaction?: ChunkTransaction): Promise<void> {
    const origin = { chunkId, transaction }
    await Promise.all(
      this.outputs.flatMap(output => [
        ...lanes
          .filter(({ to }) => to === undefined || to.has(outputKind(output)))
          .map(lane => this.#deliverTo(output, lane.tag, lane, origin)),
        this.#deliverTo(output, SUMMARY_TAG, summaries, origin),
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
    for (const { status, session, reasons, continuation } of verdicts) {
      if (continuation === true) {
        this.counters.increment('continuations_total')
        continue
      }
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

/** The sender's, under its tag. */
const nameOf = ({ chunkId, tag }: Chunk): string | undefined =>
  chunkId === undefined ? undefined : `${chunkId} ${tag}`

/** By what a chunk is known again: its name, and where its entries have positions, those of its events. */
function identityOf(name: string, { log, entries }: Chunk): ChunkIdentity {
  if (log === undefined) return { name }
  const positions = log.positions.filter((_, i) => entryKind(entries, i) === 'event')
  return positions.length === 0 ? { name } : { name, log: { ...log, positions } }
}

const NO_ENTRIES: PackedEntries = { buffer: Buffer.alloc(0), count: 0, offsets: new Uint32Array(0) }
const NOTHING: Outgoing = { entries: NO_ENTRIES, sessions: [] }

function without(entries: PackedEntries, at: number): PackedEntries {
  const { buffer, count } = entries
  const kept = Buffer.concat([
    buffer.subarray(0, entryStart(entries, at)),
    buffer.subarray(entryEnd(entries, at)),
  ])
  const ends: number[] = []
  const removed = entryEnd(entries, at) - entryStart(entries, at)
  for (let i = 0; i < count; i++) if (i !== at) ends.push(entryEnd(entries, i) - (i > at ? removed : 0))
  return entriesEndingAt(kept, ends)
}
