import { LRUCache } from 'lru-cache'
import type { Counters, PackedEntries } from './chunk.js'
import type { Lane, Outgoing } from './route/lanes.js'

/** Entries ready for the outputs. */
export interface Tagged {
  readonly chunkId?: string | undefined
  readonly lanes: readonly Lane[]
  readonly summaries: Outgoing
}

export interface UndeliveredLimits {
  readonly maxChunks: number
  readonly maxBytes: number
}

export const DEFAULT_UNDELIVERED_LIMITS: UndeliveredLimits = Object.freeze({
  maxChunks: 256,
  maxBytes: 128 * 1024 * 1024,
})

/** What a session's name and its place in a list take beside its characters, in bytes. */
const TEXT_OVERHEAD = 32

/**
 * Judged chunks that could not be delivered, kept for when their senders repeat them: they must not be judged again. Beyond the limits the longest
 * unused is forgotten, which `undelivered_forgotten_total` counts.
 */
export class Undelivered {
  readonly #kept: LRUCache<string, Tagged>

  constructor(
    readonly counters: Counters,
    { maxChunks, maxBytes } = DEFAULT_UNDELIVERED_LIMITS,
  ) {
    this.#kept = new LRUCache({
      max: maxChunks,
      maxSize: maxBytes,
      sizeCalculation: bytesOf,
      dispose: (_, __, reason) => {
        if (reason === 'evict') this.#countForgotten()
      },
    })
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#kept.calculatedSize
  }

  get(name: string): Tagged | undefined {
    return this.#kept.get(name)
  }

  /** Keeps a chunk in no more memory than it needs. */
  keep(name: string, tagged: Tagged): void {
    if (this.#kept.peek(name) === tagged) return
    this.#kept.set(name, tightly(tagged))
    if (!this.#kept.has(name)) this.#countForgotten()
  }

  forget(name: string): void {
    this.#kept.delete(name)
  }

  #countForgotten(): void {
    this.counters.increment('undelivered_forgotten_total')
  }
}

function bytesOf({ lanes, summaries }: Tagged): number {
  let bytes = 1
  for (const { entries, sessions } of [...lanes, summaries]) {
    bytes += entries.buffer.length + entries.offsets.byteLength
    for (const session of sessions) bytes += TEXT_OVERHEAD + (session?.length ?? 0)
  }
  return bytes
}

/** Entries were written into memory with room to spare, which they would hold on to. */
function tightly({ chunkId, lanes, summaries }: Tagged): Tagged {
  return {
    chunkId,
    lanes: lanes.map(lane => ({ ...lane, entries: tightEntries(lane.entries) })),
    summaries: { ...summaries, entries: tightEntries(summaries.entries) },
  }
}

function tightEntries(entries: PackedEntries): PackedEntries {
  const { buffer, count, offsets } = entries
  if (buffer.buffer.byteLength === buffer.length) return entries
  const tight = Buffer.allocUnsafeSlow(buffer.length)
  buffer.copy(tight)
  return { buffer: tight, count, offsets: offsets.slice() }
}
