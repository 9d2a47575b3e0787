import type { ChunkHandler, Counters } from '../../chunk.js'
import type { Input } from '../input.js'
import { FileFollower } from './file-follower.js'
import { type FollowOptions, type ResolvedFollowOptions, resolveFollowOptions } from './options.js'
import { Positions } from './positions.js'

/** How often positions are written, in milliseconds: after a crash, lines delivered since then are delivered again. */
const SAVE_MS = 1000

/** Follows files that grow and are rotated. How far each was delivered is kept, so that a restart goes on there. */
export class FollowInput implements Input {
  readonly #options: ResolvedFollowOptions
  #followers: readonly FileFollower[] = []
  #positions: Positions | undefined
  #saver: NodeJS.Timeout | undefined

  /**
   * @param counters counts, each under `follow_…_total`: `lines`, `rotations`, `truncations`, `lost`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: FollowOptions,
    readonly handler: ChunkHandler,
    readonly counters: Counters,
  ) {
    this.#options = resolveFollowOptions(options)
  }

  get name(): string {
    return `files ${this.#options.paths.join(', ')}`
  }

  async start(): Promise<void> {
    const { paths, positions } = this.#options
    const loaded = await Positions.load(positions)
    this.#positions = loaded
    this.#followers = [...new Set(paths)].map(
      path => new FileFollower(path, this.handler, this.#options, loaded, this.counters),
    )
    for (const follower of this.#followers) follower.start()
    this.#saver = setInterval(() => void this.#save(), SAVE_MS).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#saver)
    await Promise.all(this.#followers.map(follower => follower.close()))
    await this.#save()
  }

  async #save(): Promise<void> {
    await this.#positions?.save().catch((error: Error) => {
      this.#options.warn(
        `follow: positions cannot be written (${error.message}): make room or mend the folder`,
      )
    })
  }
}
