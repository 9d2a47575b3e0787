import type { Engine } from '../engine.js'
import type { Judged, LineInput } from '../engine-parts.js'
import type { Deliver, SessionStore } from './session-store.js'

/** Sessions in this process, in the engine's own tracker. */
export class LocalStore implements SessionStore {
  readonly isReady = true

  constructor(readonly engine: Engine) {}

  get size(): number {
    return this.engine.tracker.size
  }

  judge(lines: readonly LineInput[]): Promise<Judged> {
    return this.engine.judge(lines)
  }

  delivered(): void {
    // A chunk that is sent again is answered by the pipeline, before it comes here.
  }

  async finish(reason: 'complete' | 'open', deliver: Deliver): Promise<void> {
    await deliver(await this.engine.finish(reason))
  }

  async tick(nowWallMs: number, deliver: Deliver): Promise<void> {
    const summaries = await this.engine.tick(nowWallMs)
    if (summaries.length > 0) await deliver(summaries)
  }

  async release(origin: string, deliver: Deliver): Promise<void> {
    const summaries = await this.engine.release(origin)
    if (summaries.length > 0) await deliver(summaries)
  }

  interrupt(): void {
    // Nothing here waits for others.
  }

  close(): Promise<void> {
    return this.engine.close()
  }
}
