import type { ClosedSummary, LineJudge } from './engine-parts.js'
import { Joiner } from './join/joiner.js'
import type { ResolvedJoinOptions } from './join/options.js'
import { Reorder } from './reorder.js'

export interface JudgeOptions {
  /** How lines that belong together are told; missing: each is judged alone. */
  readonly join?: ResolvedJoinOptions | undefined
  /** How long lines are held back to be put into the order of their times, in milliseconds; 0 not at all. */
  readonly reorderMs: number
  readonly now: () => number
  /** Takes summaries of sessions that were closed by lines nobody waits for any longer. */
  readonly deliver: (summaries: readonly ClosedSummary[]) => void
}

/** What lines pass on their way to the engine. */
export interface JudgeChain {
  readonly judge: LineJudge
  /** Holds nothing back any longer: for those who stop. */
  hurry(): void
  /** Forgets the programs of an origin (LineInput.origin) that another replica goes on with. */
  release(origin: string): void
}

/** The engine, with what is wanted before it: lines are put in order first and joined then. What is not wanted costs nothing. */
export function judgeChain(engine: LineJudge, { join, reorderMs, now, deliver }: JudgeOptions): JudgeChain {
  const joiner = join && new Joiner({ inner: engine, options: join, deliver, now })
  const inner = joiner ?? engine
  const reorder = reorderMs > 0 ? new Reorder({ inner, windowMs: reorderMs, now }) : undefined
  return {
    judge: reorder ?? inner,
    hurry() {
      reorder?.hurry()
      joiner?.hurry()
    },
    release: origin => joiner?.release(origin),
  }
}
