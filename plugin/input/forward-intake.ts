import type { Chunk, ChunkHandler, Counters } from '../chunk.js'
import type { ChunkIds } from './chunk-ids.js'
import type { InFlightBudget } from './forward-budget.js'
import {
  checkFrame,
  type ForwardFrame,
  type FrameEntries,
  frameAck,
  frameChunkId,
  frameCompression,
  frameEntries,
  frameTag,
  packedEntries,
  parseFrame,
} from './forward-frame.js'
import type { Gunzip } from './forward-gunzip.js'
import type { ResolvedForwardServerOptions } from './forward-options.js'
import type { Unzstd } from './forward-unzstd.js'

/** What the connections of one server share. */
export interface ForwardHost {
  readonly options: ResolvedForwardServerOptions
  readonly handler: ChunkHandler
  readonly counters: Counters
  readonly chunkIds: ChunkIds
  readonly budget: InFlightBudget
  readonly gunzip: Gunzip
  readonly unzstd: Unzstd
  /** Set while the server as a whole does not read. */
  readonly flow: { isPaused: boolean }
  /** Says something to the person who runs this, each `topic` once. */
  warnOnce(topic: string, message: string): void
}

/** A frame that is being worked on. */
export interface Intake {
  /** To be sent when `work` is done; missing when the sender wants none. */
  readonly ack: Buffer | undefined
  /** Memory in use until then, beside the frame itself. */
  readonly unpackedBytes: number
  /** Rejects when the chunk was not accepted and has to be sent again. */
  readonly work: Promise<void>
}

/** Turns one whole frame into a chunk and starts to handle it. Only unpacking is waited for. Never rejects. */
export async function takeFrame(host: ForwardHost, source: string, frame: Buffer): Promise<Intake> {
  let parsed: ForwardFrame | undefined
  try {
    parsed = parseFrame(frame)
    checkFrame(parsed)
    const ack = frameAck(parsed)
    const tag = frameTag(parsed)
    if (isOwn(host, tag)) return { ack, unpackedBytes: 0, work: refuseLoop(host, source, tag) }
    const found = await findEntries(host, parsed)
    const isCopy = parsed.mode === 'CompressedPackedForward'
    const unpackedBytes = isCopy ? found.entries.buffer.length : 0
    return { ack, unpackedBytes, work: handle(host, toChunk(parsed, tag, found, source), found) }
  } catch (error) {
    return {
      ack: parsed && frameAck(parsed),
      unpackedBytes: 0,
      work: bury(host, source, messageOf(error), frame),
    }
  }
}

async function findEntries(host: ForwardHost, parsed: ForwardFrame): Promise<FrameEntries> {
  const { gunzip, unzstd, options } = host
  if (parsed.mode !== 'CompressedPackedForward') return frameEntries(parsed, options.maxChunkEntries)
  const packed = parsed.frame.subarray(parsed.bodyStart, parsed.bodyEnd)
  const unpacked = await (frameCompression(parsed) === 'zstd' ? unzstd : gunzip).unpack(packed)
  return packedEntries(unpacked, 0, unpacked.length, options.maxChunkEntries)
}

function toChunk(parsed: ForwardFrame, tag: string, { entries }: FrameEntries, source: string): Chunk {
  const chunkId = frameChunkId(parsed)
  return chunkId === undefined ? { tag, entries, source } : { tag, chunkId, entries, source }
}

async function handle(host: ForwardHost, chunk: Chunk, { numBroken, rest }: FrameEntries): Promise<void> {
  const { counters, chunkIds, handler } = host
  const handleNow = async (): Promise<void> => {
    counters.increment('forward_chunks_total')
    counters.increment('forward_entries_total', chunk.entries.count)
    if (numBroken > 0) counters.increment('forward_entries_broken_total', numBroken)
    if (chunk.entries.count > 0) await handler(chunk)
    if (rest) await bury(host, chunk.source, 'the rest of the chunk is not msgpack', rest)
  }
  if (chunk.chunkId === undefined) return handleNow()
  const admission = await chunkIds.admit(chunk.tag, chunk.chunkId, handleNow)
  if (admission === 'repeated') counters.increment('forward_chunks_repeated_total')
}

function isOwn({ options }: ForwardHost, tag: string): boolean {
  return options.ownTagPrefix !== '' && tag.startsWith(options.ownTagPrefix)
}

/** Dropped and acknowledged: to refuse it would make the sender repeat it, to take it would multiply it. */
async function refuseLoop(host: ForwardHost, source: string, tag: string): Promise<void> {
  host.counters.increment('forward_refused_loop_total')
  host.warnOnce(
    'loop',
    `${source}: chunks with the tag ${tag} are our own output and are dropped: do not route them back here`,
  )
}

/** What cannot be decoded now never will be: it is put aside and counts as taken. */
async function bury(host: ForwardHost, source: string, reason: string, bytes: Buffer): Promise<void> {
  host.counters.increment('forward_undecodable_total')
  host.warnOnce('undecodable', `${source}: a chunk cannot be decoded: ${reason}`)
  await host.options.deadLetter?.write(source, reason, bytes)
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
