import { LRUCache } from 'lru-cache'
import type { Counters } from '../chunk.js'
import type { Engine } from '../engine.js'
import type { Judged } from '../engine-parts.js'
import { workOn } from '../engine-work.js'
import type { HeldSessions } from '../session.js'
import type { SessionSummary } from '../verdict.js'
import { readNeed, splitJudged, type WaitingChunk } from './batch.js'
import type { Deliver } from './session-store.js'
import type { SharedJudged } from './shared-batch.js'

/**
 * Sessions of this process alone, for as long as the shared ones cannot be reached: they go on from what this replica saw of them last. What is
 * judged so is marked. When the shared ones are back, these close as `open`: where they went on elsewhere nobody knows.
 */
export class LocalSubstitute {
  /** What this replica wrote last, by id. */
  readonly #lastSeen: LRUCache<string, HeldSessions>
  /** Neither delivered nor under way. */
  #unsent: SessionSummary[] = []
  #isActive = false

  constructor(
    readonly engine: Engine,
    maxSessions: number,
    readonly counters: Counters,
  ) {
    this.#lastSeen = new LRUCache({ max: maxSessions })
  }

  /** Remembers what sessions have come to. */
  keep({ tracker, changes }: SharedJudged): void {
    for (const { id, carried } of changes) if (carried === undefined) this.#lastSeen.delete(id)
    for (const { id, held } of tracker.held()) this.#lastSeen.set(id, { id, held })
  }

  /** Judges chunks by the sessions of this process. */
  async judge(chunks: readonly WaitingChunk[]): Promise<void> {
    this.#isActive = true
    const { engine } = this
    const judged = await engine.exclusively((decide, parts) => {
      const need = readNeed(chunks, parts.reader, engine.tracker.clock.copy())
      for (const id of need.ids) this.#takeUp(id)
      return decide(workOn(need.lines, engine.tracker, parts.collect))
    })
    const sizes = chunks.map(({ lines }) => lines.length)
    splitJudged(judged, sizes).forEach((one, i) => {
      this.counters.increment('store_local_events_total', sizes[i])
      chunks[i]!.resolve(this.mark(one))
    })
  }

  /** Marks what was judged without the shared sessions. */
  mark({ verdicts, summaries }: Judged): Judged {
    return {
      verdicts: verdicts.map(verdict => ({ ...verdict, store: 'local' as const })),
      summaries: summaries.map(({ after, summary }) => ({ after, summary: markSummary(summary) })),
    }
  }

  /** The shared sessions are back. */
  async retire(): Promise<void> {
    if (!this.#isActive) return
    this.#isActive = false
    this.#unsent.push(...(await this.engine.finish('open')).map(markSummary))
  }

  async tick(nowWallMs: number, deliver: Deliver): Promise<void> {
    const isActive = this.#isActive
    await this.#deliver(await this.engine.tick(nowWallMs), isActive, deliver)
  }

  async finish(reason: 'complete' | 'open', deliver: Deliver): Promise<void> {
    const isActive = this.#isActive
    await this.#deliver(await this.engine.finish(reason), isActive, deliver)
  }

  /** What cannot be delivered is tried again at the next tick; what is under way then is not. */
  async #deliver(summaries: readonly SessionSummary[], isActive: boolean, deliver: Deliver): Promise<void> {
    const sent = [...this.#unsent, ...(isActive ? summaries.map(markSummary) : summaries)]
    this.#unsent = []
    if (sent.length === 0) return
    try {
      await deliver(sent)
    } catch (error) {
      this.#unsent.unshift(...sent)
      throw error
    }
  }

  /** Each is taken up once: from then on the tracker has it. */
  #takeUp(id: string): void {
    const seen = this.#lastSeen.get(id)
    if (seen === undefined) return
    this.#lastSeen.delete(id)
    this.engine.tracker.restore(seen)
  }
}

function markSummary(summary: SessionSummary): SessionSummary {
  return { ...summary, store: 'local' }
}
