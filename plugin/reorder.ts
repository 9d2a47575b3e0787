import type { ClosedSummary, Judged, LineInput, LineJudge } from './engine-parts.js'
import type { Verdict } from './verdict.js'

/** Lines of one call that are not judged yet. */
interface Call {
  readonly verdicts: Verdict[]
  readonly summaries: ClosedSummary[]
  numLeft: number
  readonly resolve: (judged: Judged) => void
  readonly reject: (error: unknown) => void
}

/** A line that is held back. */
interface Held {
  readonly line: LineInput
  readonly call: Call
  /** Its place among the lines of its call. */
  readonly index: number
  /** Time of the event; of a line that has none, that of the line before it. */
  readonly timeMs: number
  readonly order: number
  readonly arrivedMs: number
}

export interface ReorderParts {
  readonly inner: LineJudge
  /** How long lines are held back, in milliseconds. */
  readonly windowMs: number
  readonly now: () => number
}

/**
 * Has lines judged in the order of their times where they arrive out of it, as chunks do that come over several connections: each is held back for
 * a while, and those that come meanwhile and are older go before it. The answer to a call comes when all its lines are judged.
 */
export class Reorder implements LineJudge {
  #held: Held[] = []
  #numLines = 0
  #lastTimeMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #isHurried = false

  constructor(readonly parts: ReorderParts) {}

  judge(lines: readonly LineInput[]): Promise<Judged> {
    if (lines.length === 0) return this.parts.inner.judge(lines)
    return new Promise((resolve, reject) => {
      const verdicts: Verdict[] = new Array(lines.length)
      const call: Call = { verdicts, summaries: [], numLeft: lines.length, resolve, reject }
      const arrivedMs = this.parts.now()
      lines.forEach((line, index) => {
        if (!Number.isNaN(line.timeMs)) this.#lastTimeMs = line.timeMs
        this.#held.push({ line, call, index, timeMs: this.#lastTimeMs, order: this.#numLines++, arrivedMs })
      })
      if (this.#isHurried) this.hurry()
      else this.#watch()
    })
  }

  /** Holds nothing back any longer, now and from now on. */
  hurry(): void {
    this.#isHurried = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#release(Number.POSITIVE_INFINITY)
  }

  #watch(): void {
    const [oldest] = this.#held
    if (oldest === undefined || this.#timer !== undefined) return
    // Held lines are in the order of their times: the first need not be the one that came first, but none of them waits much longer for that.
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#release(this.parts.now() - this.parts.windowMs)
        this.#watch()
      },
      Math.max(1, this.parts.windowMs / 4),
    )
  }

  /** Gives on the lines that arrived by `arrivedMs`, with all that are older by their own time. */
  #release(arrivedMs: number): void {
    const held = this.#held.sort(byTime)
    let count = 0
    for (let i = 0; i < held.length; i++) if (held[i]!.arrivedMs <= arrivedMs) count = i + 1
    if (count === 0) return
    this.#held = held.slice(count)
    void this.#judgeHeld(held.slice(0, count))
  }

  async #judgeHeld(held: readonly Held[]): Promise<void> {
    try {
      const { verdicts, summaries } = await this.parts.inner.judge(held.map(({ line }) => line))
      for (const closed of summaries) {
        const { call, index } = held[Math.max(0, closed.after - 1)]!
        call.summaries.push({ after: index + 1, summary: closed.summary })
      }
      held.forEach(({ call, index }, i) => {
        call.verdicts[index] = verdicts[i]!
        if (--call.numLeft === 0) call.resolve({ verdicts: call.verdicts, summaries: call.summaries })
      })
    } catch (error) {
      for (const { call } of held) call.reject(error)
    }
  }
}

/** By time; of one time, in the order of arrival. */
const byTime = (a: Held, b: Held): number => a.timeMs - b.timeMs || a.order - b.order
