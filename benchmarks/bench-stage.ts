import { Child } from './child.js'
import type { Arrivals, ReceiverHandlers } from './receiver-process.js'
import type { StageHandlers, StageSettings, Usage } from './stage-process.js'

/** A stage and a receiver behind it, each in a process of its own. */
export class BenchStage {
  readonly #stage: Child<StageHandlers>
  readonly #receiver: Child<ReceiverHandlers>

  private constructor(
    profileFolder: string | undefined,
    readonly model: string,
  ) {
    this.#stage = new Child(new URL('./stage-process.js', import.meta.url), profileFolder)
    this.#receiver = new Child(new URL('./receiver-process.js', import.meta.url))
  }

  #receiverPort = 0

  static async start(model: string, profileFolder?: string): Promise<BenchStage> {
    const bench = new BenchStage(profileFolder, model)
    bench.#receiverPort = await bench.#receiver.call('listen')
    return bench
  }

  get isUp(): boolean {
    return this.#stage.isUp
  }

  /** Opens a stage with an empty memo; the one before must be closed. @returns its port */
  open(settings: Omit<StageSettings, 'model' | 'receiverPort'> = {}): Promise<number> {
    return this.#stage.call('open', { ...settings, model: this.model, receiverPort: this.#receiverPort })
  }

  async close(): Promise<void> {
    await this.#stage.call('close')
  }

  /** Forgets what arrived and expects records numbered from 0 to below `count`. */
  expect(count: number): Promise<void> {
    return this.#receiver.call('expect', count)
  }

  arrivals(): Promise<Arrivals> {
    return this.#receiver.call('arrivals')
  }

  /** When each record arrived, in milliseconds of the monotonic clock. */
  times(): Promise<Float64Array> {
    return this.#receiver.call('times')
  }

  usage(): Promise<Usage> {
    return this.#stage.call('usage')
  }

  counts(): Promise<Record<string, number>> {
    return this.#stage.call('counts')
  }

  async stop(): Promise<void> {
    await Promise.all([this.#stage.stop(), this.#receiver.stop()])
  }
}
