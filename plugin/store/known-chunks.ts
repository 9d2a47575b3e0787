import type { Counters } from '../chunk.js'
import type { ChunkJudged } from '../engine-parts.js'
import type { WaitingChunk } from './batch.js'
import type { JudgedCodec } from './judged-codec.js'
import { answerFromPieces, type Piece } from './pieces.js'
import { DELIVERED_MARK, type Loaded } from './redis-sessions.js'

const DELIVERED: ChunkJudged = { verdicts: [], summaries: [], isDelivered: true }
const NOTHING: ChunkJudged = { verdicts: [], summaries: [] }

/** Answers chunks that were judged before, by this replica or another, from what was stored then. */
export class KnownChunks {
  constructor(
    readonly codec: JudgedCodec,
    readonly counters: Counters,
  ) {}

  /** @returns what is still to be judged, in the order of the chunks */
  answer(batch: readonly WaitingChunk[], { chunks, pieces }: Loaded): WaitingChunk[] {
    let nextChunk = 0
    let nextLog = 0
    return batch.flatMap(chunk => {
      if (chunk.identity === undefined) return chunk
      if (chunk.identity.log !== undefined) return this.#byPositions(chunk, pieces[nextLog++] ?? [])
      return this.#byName(chunk, chunks[nextChunk++])
    })
  }

  #byName(chunk: WaitingChunk, value: Buffer | undefined): WaitingChunk | never[] {
    if (value === undefined) return chunk
    const first = value.equals(DELIVERED_MARK) ? DELIVERED : this.#firstResult(value, chunk.lines.length)
    if (first === undefined) {
      this.counters.increment('store_unreadable_total')
      // A name that stands for something else is no name.
      return { ...chunk, identity: undefined }
    }
    this.counters.increment('store_repeats_total')
    chunk.resolve(first)
    return []
  }

  #byPositions(chunk: WaitingChunk, values: readonly Buffer[]): WaitingChunk | never[] {
    const pieces = values.flatMap(value => this.#decoded(value) ?? [])
    const { rest, numKnown } = answerFromPieces(chunk, pieces)
    if (numKnown > 0) this.counters.increment('store_repeats_total')
    if (pieces.length === values.length || rest === undefined) return rest ?? []
    this.counters.increment('store_unreadable_total')
    return { ...rest, identity: undefined }
  }

  #firstResult(value: Buffer, numLines: number): ChunkJudged | undefined {
    const { verdicts, summaries } = this.#decoded(value) ?? NOTHING
    return verdicts.length === numLines ? { verdicts, summaries } : undefined
  }

  #decoded(value: Buffer): Piece | undefined {
    try {
      return this.codec.decode(value)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }
}
