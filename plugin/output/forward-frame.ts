import { RecordTooLargeError } from '../errors.js'
import { skip } from '../msgpack/scan.js'
import { PackWriter } from '../msgpack/write.js'
import { MAX_RECEIVED_FRAME_BYTES } from './forward-options.js'

/** Bytes of a frame beside its entries and its tag: headers, a chunk id of 32 characters and the size, with room to spare. */
const FRAME_OVERHEAD_BYTES = 128

/** Entries that travel in one frame. */
export interface EntryRun {
  readonly parts: readonly Buffer[]
  readonly count: number
  readonly bytes: number
}

/**
 * Cuts packed entries into runs that each fit a frame of `maxFrameBytes`; a larger entry that still fits the largest frame that is
 * received makes a run of its own.
 *
 * @param count how many entries there are
 * @throws RecordTooLargeError when an entry fits no frame
 * @throws RangeError when the entries are not whole msgpack values
 */
export function cutEntries(
  entries: readonly Buffer[],
  count: number,
  tagBytes: number,
  maxFrameBytes: number,
): EntryRun[] {
  const overhead = FRAME_OVERHEAD_BYTES + tagBytes
  const bytes = entries.reduce((sum, part) => sum + part.length, 0)
  if (bytes + overhead <= maxFrameBytes) return bytes === 0 ? [] : [{ parts: entries, count, bytes }]
  const cutter = new EntryCutter(maxFrameBytes - overhead, MAX_RECEIVED_FRAME_BYTES - overhead)
  for (const part of entries) cutter.cut(part)
  return cutter.runs()
}

class EntryCutter {
  readonly #runs: EntryRun[] = []
  #parts: Buffer[] = []
  #count = 0
  #bytes = 0
  #index = 0

  constructor(
    readonly maxRunBytes: number,
    readonly maxEntryBytes: number,
  ) {}

  cut(part: Buffer): void {
    let from = 0
    let at = 0
    while (at < part.length) {
      const next = skip(part, at, part.length)
      if (next < 0) throw new RangeError(`entry ${this.#index} is not a whole msgpack value`)
      const size = next - at
      if (size > this.maxEntryBytes)
        throw new RecordTooLargeError(this.#index, size, `a frame holds at most ${this.maxEntryBytes}`)
      if (this.#bytes + size > this.maxRunBytes) {
        this.#add(part, from, at)
        this.#endRun()
        from = at
      }
      this.#count++
      this.#bytes += size
      this.#index++
      at = next
    }
    this.#add(part, from, at)
  }

  runs(): EntryRun[] {
    this.#endRun()
    return this.#runs
  }

  #add(part: Buffer, from: number, to: number): void {
    if (to > from) this.#parts.push(part.subarray(from, to))
  }

  #endRun(): void {
    if (this.#count > 0) this.#runs.push({ parts: this.#parts, count: this.#count, bytes: this.#bytes })
    this.#parts = []
    this.#count = 0
    this.#bytes = 0
  }
}

/** Frames below this are joined: a copy is cheaper than three pieces. */
const MAX_JOINED_BYTES = 16 * 1024

/** Scratch of `packFrame`, which never runs inside itself. */
const writer = new PackWriter(MAX_JOINED_BYTES)

/** A PackedForward frame, `[tag, entries, {size, chunk}]`, in pieces so that many entries need not be copied. */
export function packFrame(tag: string, run: EntryRun, chunkId: string | undefined): Buffer[] {
  const isJoined = run.bytes < MAX_JOINED_BYTES
  writer.arrayHeader(3)
  writer.str(tag)
  writer.binHeader(run.bytes)
  const head = isJoined ? [] : [writer.take(), ...run.parts]
  if (isJoined) for (const part of run.parts) writer.raw(part, 0, part.length)
  writer.mapHeader(chunkId === undefined ? 1 : 2)
  writer.str('size')
  writer.uint(run.count)
  if (chunkId !== undefined) {
    writer.str('chunk')
    writer.str(chunkId)
  }
  return [...head, writer.take()]
}
