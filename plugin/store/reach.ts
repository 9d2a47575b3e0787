import { setTimeout as pause } from 'node:timers/promises'
import { StoreError } from './errors.js'
import type { WhenAway } from './redis-options.js'

const RETRY_MIN_MS = 20

export interface ReachOptions {
  readonly whenAway: WhenAway
  /** Failing for so long means being away, in milliseconds. */
  readonly timeoutMs: number
  readonly retryMaxMs: number
  /** Told of each failure. */
  readonly onFailure: (error: StoreError) => void
  /** Told when it is away, with the reason, and when it is back. */
  readonly onChange: (away: StoreError | undefined) => void
}

/** Does what needs a store that may be away: tries again, as long as its user wants that. */
export class Reach {
  readonly #interrupted = new AbortController()
  #failingSince: number | undefined
  #isAway = false

  constructor(
    readonly options: ReachOptions,
    readonly now: () => number = performance.now.bind(performance),
  ) {}

  /** Whether it was last found away. */
  get isAway(): boolean {
    return this.#isAway
  }

  /**
   * The result of `attempt`, which may throw StoreError any number of times; undefined where the store is away and the user does not want to wait.
   *
   * @throws StoreError when interrupted
   */
  async try<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    for (let failures = 0; ; failures++) {
      try {
        const result = await attempt()
        this.#succeeded()
        return result
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.#failed(error)
        if (this.#interrupted.signal.aborted) throw error
        if (this.#isAway && this.options.whenAway === 'local') return undefined
        await this.#pause(failures)
      }
    }
  }

  /** Attempts that fail from now on are given up. */
  interrupt(): void {
    this.#interrupted.abort()
  }

  async #pause(failures: number): Promise<void> {
    const { timeoutMs, retryMaxMs, whenAway } = this.options
    const most = whenAway === 'local' ? Math.min(retryMaxMs, timeoutMs / 4) : retryMaxMs
    const ms = Math.min(most, RETRY_MIN_MS * 2 ** Math.min(failures, 20))
    await pause(ms, undefined, { signal: this.#interrupted.signal }).catch(() => {})
  }

  #succeeded(): void {
    this.#failingSince = undefined
    if (!this.#isAway) return
    this.#isAway = false
    this.options.onChange(undefined)
  }

  #failed(error: StoreError): void {
    this.options.onFailure(error)
    this.#failingSince ??= this.now()
    if (this.#isAway || this.now() - this.#failingSince < this.options.timeoutMs) return
    this.#isAway = true
    this.options.onChange(error)
  }
}
