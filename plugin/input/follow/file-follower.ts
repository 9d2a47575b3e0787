import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChunkHandler, Counters } from '../../chunk.js'
import { packLines } from '../pack-lines.js'
import { chunkName } from './chunk-name.js'
import { Delivery } from './delivery.js'
import type { Position } from './identity.js'
import { LineCutter } from './line-cutter.js'
import { following, locate, type Place } from './locate.js'
import type { ResolvedFollowOptions } from './options.js'
import type { Positions } from './positions.js'
import { Source } from './source.js'

/** A file that was left: where in it, as it was written anew, or when it was last written to, as it was rotated away. */
type Before = { readonly rewritten: Position } | { readonly rotatedMs: number }

/**
 * Follows one file through its rotations, line by line, none lost and none twice as far as positions tell: renamed, copied and truncated, and
 * compressed, also while nobody was looking.
 */
export class FileFollower {
  readonly #delivery: Delivery
  readonly #stop = new AbortController()
  #source: Source | undefined
  /** Whether nothing of the source has been read. */
  #isFresh = true
  #cutter: LineCutter
  /** What was read last, where there is no source now. */
  #before: Before | undefined
  /** Since when the source has nothing new, in milliseconds. */
  #quietSince: number | undefined
  #loop: Promise<void> | undefined

  constructor(
    readonly path: string,
    handler: ChunkHandler,
    readonly options: ResolvedFollowOptions,
    readonly positions: Positions,
    readonly counters: Counters,
  ) {
    this.#cutter = new LineCutter(options.maxLineBytes)
    this.#delivery = new Delivery(handler, options, position => positions.set(path, position))
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Stops reading, and waits for what is under way as long as it may. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all([this.#loop, this.#delivery.close(this.options.closeTimeoutMs)])
    await this.#source?.close()
  }

  async #run(): Promise<void> {
    let hasFailed = false
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step()
        hasFailed = false
      } catch (error) {
        // Such as a file that may not be read yet: it is tried again for ever, and told once.
        const reason = error instanceof Error ? error.message : String(error)
        if (!hasFailed) this.options.warn(`follow ${this.path}: ${reason}; trying again`)
        hasFailed = true
        await this.#pause(this.options.retryMinMs)
      }
    }
  }

  async #step(): Promise<void> {
    this.#source ??= await this.#open()
    const source = this.#source
    if (source === undefined) return this.#pause(this.options.pollMs)
    if (this.#quietSince !== undefined && (await source.isRewritten())) return this.#leaveRewritten(source)
    const data = await source.read()
    if (data.length > 0) {
      this.#quietSince = undefined
      await this.#take(source, data)
    } else {
      await this.#atEnd(source)
    }
  }

  async #open(): Promise<Source | undefined> {
    const place = await this.#place()
    this.#isFresh = true
    try {
      return await Source.open(place)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Where to go on: after what was read last in this run, else where the run before stopped, else where a new file is begun. */
  async #place(): Promise<Place> {
    const { path } = this
    const before = this.#before
    if (before !== undefined && 'rotatedMs' in before) return following(path, before.rotatedMs)
    const rewritten = before?.rewritten
    const position = rewritten ?? this.positions.get(path)
    if (position === undefined)
      return { path, offset: this.options.startAt === 'end' ? await sizeOf(path) : 0 }
    const place = await locate(path, position, rewritten !== undefined)
    if (place !== undefined) return place
    this.#tellLost(position)
    this.#before = { rotatedMs: Number.POSITIVE_INFINITY }
    return { path, offset: 0 }
  }

  #tellLost({ offset }: Position): void {
    this.counters.increment('follow_lost_total')
    this.options.warn(
      `follow ${this.path}: the file read up to byte ${offset} is gone or was written anew; what it held after that, if anything, is not read`,
    )
  }

  async #take(source: Source, data: Buffer): Promise<void> {
    const { maxLines } = this.options
    // What is sent, but not delivered before a crash, then has the same names again.
    if (this.#isFresh) this.#delivery.note(source.position(data.length))
    this.#isFresh = false
    const batches: { lines: string[]; numLeft: number }[] = []
    this.#cutter.cut(data, (line, numLeft) => {
      const last = batches.at(-1)
      if (last !== undefined && last.lines.length < maxLines) {
        last.lines.push(line)
        last.numLeft = numLeft
      } else {
        batches.push({ lines: [line], numLeft })
      }
    })
    for (const { lines, numLeft } of batches) await this.#send(source, lines, source.position(numLeft))
  }

  async #send(source: Source, lines: readonly string[], position: Position): Promise<void> {
    const { tag, now } = this.options
    this.counters.increment('follow_lines_total', lines.length)
    const chunk = packLines(tag, lines, now(), this.path)
    const chunkId = chunkName(this.path, position, lines)
    await this.#delivery.send({ ...chunk, chunkId, source: `file ${source.path}` }, position)
  }

  /** Nothing new: is it still the file under the path? */
  async #atEnd(source: Source): Promise<void> {
    this.#quietSince ??= this.options.now()
    const live = await stat(this.path).catch(() => undefined)
    const isLive = live !== undefined && live.ino === source.stats.ino && live.dev === source.stats.dev
    const isQuiet = this.options.now() - this.#quietSince >= this.options.rotateWaitMs
    const isOver = source.isPacked || (live !== undefined && !isLive && isQuiet)
    if (isOver) await this.#leaveRotated(source)
    else await this.#pause(this.options.pollMs)
  }

  async #leaveRotated(source: Source): Promise<void> {
    const line = this.#cutter.finish()
    if (line !== undefined) await this.#send(source, [line], source.position(0))
    this.counters.increment('follow_rotations_total')
    await this.#leave(source, { rotatedMs: await source.modifiedMs() })
  }

  /** It was truncated, perhaps after it was copied: the copy holds what was not read yet. */
  async #leaveRewritten(source: Source): Promise<void> {
    const rewritten = source.position(this.#cutter.numOpenBytes)
    this.counters.increment('follow_truncations_total')
    await this.#leave(source, { rewritten })
  }

  async #leave(source: Source, before: Before): Promise<void> {
    this.#before = before
    this.#cutter = new LineCutter(this.options.maxLineBytes)
    this.#quietSince = undefined
    this.#source = undefined
    await source.close()
  }

  #pause(delayMs: number): Promise<void> {
    return sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
