import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type Offsets, sum } from './cluster.js'

const POLL_MS = 50

/** Watches how far a group comes in a topic, and how long its partitions stand still. */
export class Progress {
  #offsets: Offsets = []
  /** When each partition was last seen to have moved, in milliseconds of the monotonic clock. */
  #movedAt: number[] = []
  #longestPauseMs = 0
  #isStopped = false
  readonly #watching: Promise<void>

  constructor(
    readonly cluster: Cluster,
    readonly group: string,
    readonly topic: string,
  ) {
    this.#watching = this.#watch()
    // Whoever waits is told.
    this.#watching.catch(() => {})
  }

  /** Records that are done with. */
  get total(): number {
    return sum(this.#offsets)
  }

  get offsets(): Offsets {
    return this.#offsets
  }

  /** Resolves when so many records are done with. */
  async reaches(total: number): Promise<void> {
    await this.#until(() => this.total >= total)
  }

  /** From now on pauses are measured anew. */
  reset(): void {
    this.#movedAt.fill(performance.now())
    this.#longestPauseMs = 0
  }

  /** Resolves when every partition has gone beyond these offsets, with the longest pause of any since `reset`. */
  async passes(offsets: Offsets): Promise<number> {
    await this.#until(() => this.#offsets.every((offset, partition) => offset > offsets[partition]!))
    return Math.round(this.#longestPauseMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#watching.catch(() => {})
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) await Promise.race([sleep(POLL_MS), this.#watching])
  }

  async #watch(): Promise<void> {
    while (!this.#isStopped) {
      const offsets = await this.cluster.offsets(this.group, this.topic)
      if (offsets !== undefined) this.#note(offsets, performance.now())
      await sleep(POLL_MS)
    }
  }

  #note(offsets: Offsets, now: number): void {
    offsets.forEach((offset, partition) => {
      const movedAt = this.#movedAt[partition]
      if (movedAt !== undefined && offset === this.#offsets[partition]) return
      this.#longestPauseMs = Math.max(this.#longestPauseMs, now - (movedAt ?? now))
      this.#movedAt[partition] = now
    })
    this.#offsets = offsets
  }
}
