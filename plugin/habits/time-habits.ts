import { UNKNOWN, type Vocabulary } from '../../scorer/vocabulary.js'
import { type HabitFinding, type HabitKind, MIN_FINDING, stronger } from './finding.js'
import type { HabitTable } from './habit-table.js'
import { BURST_SPANS_MS, type Pace } from './pace.js'
import { binOf, Range } from './range.js'
import { SteadyClock } from './steady-clock.js'
import type { Oddness } from './surprise.js'

/** The detector `time-gap`: lines of a session that come oddly late or soon after the one before, or oddly many at a time. */
export class TimeHabits {
  readonly #clock: SteadyClock
  readonly #tickMs: number
  readonly #size: number
  /** By first token V + second token; UNKNOWN stands for any first. */
  readonly #gaps = new Map<number, Range>()
  readonly #bursts: readonly Range[]

  /** @param least surprise up to which findings mean nothing */
  constructor(
    { tickMs, maxStepMs, gaps, bursts }: NonNullable<HabitTable['times']>,
    vocabulary: Vocabulary,
    least: number,
  ) {
    this.#clock = new SteadyClock(maxStepMs)
    this.#tickMs = tickMs
    this.#size = vocabulary.size
    for (const [first, second, table] of gaps) {
      const [a, b] = [first === null ? UNKNOWN : vocabulary.id(first), vocabulary.id(second)]
      if (b !== UNKNOWN && (first === null || a !== UNKNOWN))
        this.#gaps.set(a * this.#size + b, new Range(table, least))
    }
    this.#bursts = bursts.map(table => new Range(table, least))
  }

  /** The steady time of a line; call it once for each. */
  steady(timeMs: number): number {
    return this.#clock.at(timeMs)
  }

  /** The oddest about when a line came in its session, which takes note of it. */
  look(pace: Pace, token: number, steadyMs: number): HabitFinding | undefined {
    pace.arrive(steadyMs)
    const { gapMs, previous } = pace
    pace.previous = token
    const gap = Number.isNaN(gapMs) || token === UNKNOWN ? undefined : this.#lookAtGap(previous, token, gapMs)
    return stronger(gap, Number.isNaN(steadyMs) ? undefined : this.#lookAtBursts(pace))
  }

  #lookAtGap(previous: number | undefined, token: number, gapMs: number): HabitFinding | undefined {
    const range =
      this.#gaps.get((previous ?? UNKNOWN) * this.#size + token) ??
      this.#gaps.get(UNKNOWN * this.#size + token)
    if (range === undefined) return undefined
    const bin = binOf(Math.max(gapMs, this.#tickMs))
    if (range.isUsual(bin)) return undefined
    return stronger(
      toFinding('pause', range.high(bin, 0), gapMs),
      toFinding('haste', range.low(bin, 0), gapMs),
    )
  }

  #lookAtBursts({ counts }: Pace): HabitFinding | undefined {
    let found: HabitFinding | undefined
    this.#bursts.forEach((range, i) => {
      const bin = binOf(counts[i]!)
      if (range.isUsual(bin)) return
      const oddness = range.high(bin, 0)
      if (oddness.surprise < MIN_FINDING) return
      const value = `${counts[i]!.toLocaleString('en-US')} lines came within ${duration(BURST_SPANS_MS[i]!)}`
      found = stronger(found, { kind: 'burst', ...oddness, value })
    })
    return found
  }
}

function toFinding(kind: HabitKind, oddness: Oddness, gapMs: number): HabitFinding | undefined {
  return oddness.surprise < MIN_FINDING ? undefined : { kind, ...oddness, value: duration(gapMs) }
}

const UNITS = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** `2.5 min`, two digits at least. */
export function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ['ms', 1]
  const value = ms / size
  return `${value >= 10 || size === 1 ? Math.round(value) : Number(value.toFixed(1))} ${unit}`
}
