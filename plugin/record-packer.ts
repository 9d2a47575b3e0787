import { type Chunk, entryEnd, entryKind, entryStart } from './chunk.js'
import { FIELD_KEY, VerdictEncoder } from './encode-verdict.js'
import type { ClosedSummary } from './engine-parts.js'
import { PackWriter } from './msgpack/write.js'
import { openEntry } from './output/forward-entry.js'
import { entriesEndingAt, type Lane, Lanes, type Outgoing } from './route/lanes.js'
import type { Router } from './route/router.js'
import type { FieldSet, Verdict } from './verdict.js'

export interface PackerOptions {
  readonly fields: FieldSet
  /** Outgoing tags are this before the incoming tag. */
  readonly tagPrefix: string
  /** Says where records go; missing: all of them everywhere. */
  readonly router?: Router | undefined
  /** Keeps the metadata of entries. */
  readonly emitMetadata: boolean
  readonly now: () => number
  /** Takes broken entries, which no receiver takes. */
  readonly bury: (chunk: Chunk, bytes: Uint8Array) => void
}

/** Writes records with their verdicts, sorted by where they go. */
export class RecordPacker {
  readonly #encoder: VerdictEncoder
  readonly #writer = new PackWriter()

  constructor(readonly options: PackerOptions) {
    this.#encoder = new VerdictEncoder(options.fields)
  }

  /**
   * Events with their verdicts, group markers as they came.
   *
   * @param places entries of the chunk that the verdicts belong to
   * @param summaries of the sessions that closed on the way
   */
  records(
    chunk: Chunk,
    verdicts: readonly Verdict[],
    places: readonly number[],
    summaries: readonly ClosedSummary[],
  ): Lane[] {
    const { router, tagPrefix } = this.options
    return router === undefined
      ? [{ tag: `${tagPrefix}${chunk.tag}`, ...this.#together(chunk, verdicts, places) }]
      : this.#sorted(router, chunk, verdicts, places, summaries)
  }

  /** Records kept until now that belong to sessions which closed without a chunk. */
  closed(summaries: readonly ClosedSummary[]): Lane[] {
    const { router } = this.options
    if (router === undefined) return []
    const lanes = new Lanes()
    for (const { summary } of summaries) router.close(lanes, summary)
    return lanes.finish()
  }

  /** Summaries as records of their own. */
  summaries(summaries: readonly ClosedSummary[]): Outgoing {
    const writer = this.#writer
    writer.reset()
    const ends: number[] = []
    for (const { summary } of summaries) {
      writer.arrayHeader(2)
      writer.eventTimeMs(this.options.now())
      writer.mapHeader(1)
      writer.raw(FIELD_KEY, 0, FIELD_KEY.length)
      this.#encoder.summary(writer, summary)
      ends.push(writer.length)
    }
    return {
      entries: entriesEndingAt(writer.take(), ends),
      sessions: summaries.map(({ summary }) => summary.session),
    }
  }

  #together(chunk: Chunk, verdicts: readonly Verdict[], places: readonly number[]): Outgoing {
    const writer = this.#writer
    writer.reset()
    const ends: number[] = []
    const sessions: (string | undefined)[] = []
    let next = 0
    for (let i = 0; i < chunk.entries.count; i++) {
      const verdict = places[next] === i ? verdicts[next++] : undefined
      if (!this.#write(chunk, i, verdict)) continue
      ends.push(writer.length)
      sessions.push(verdict?.session)
    }
    return { entries: entriesEndingAt(writer.take(), ends), sessions }
  }

  #sorted(
    router: Router,
    chunk: Chunk,
    verdicts: readonly Verdict[],
    places: readonly number[],
    summaries: readonly ClosedSummary[],
  ): Lane[] {
    const lanes = new Lanes()
    const writer = this.#writer
    let next = 0
    let nextClosed = 0
    for (let i = 0; i < chunk.entries.count; i++) {
      const isEvent = places[next] === i
      while (isEvent && (summaries[nextClosed]?.after ?? Number.POSITIVE_INFINITY) <= next)
        router.close(lanes, summaries[nextClosed++]!.summary)
      const verdict = isEvent ? verdicts[next++] : undefined
      writer.reset()
      if (this.#write(chunk, i, verdict)) router.route(lanes, chunk.tag, verdict, writer.view())
    }
    for (; nextClosed < summaries.length; nextClosed++) router.close(lanes, summaries[nextClosed]!.summary)
    return lanes.finish()
  }

  /** @returns false when nothing was written */
  #write(chunk: Chunk, i: number, verdict: Verdict | undefined): boolean {
    const { entries } = chunk
    if (verdict === undefined && entryKind(entries, i) !== 'group') {
      this.options.bury(chunk, entries.buffer.subarray(entryStart(entries, i), entryEnd(entries, i)))
      return false
    }
    if (openEntry(this.#writer, entries, i, FIELD_KEY, this.options.emitMetadata))
      this.#encoder.verdict(this.#writer, verdict!)
    return true
  }
}
