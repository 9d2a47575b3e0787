import type { HabitTable } from './habit-table.js'
import { BURST_SPANS_MS, type Pace } from './pace.js'
import type { PlaceLearner, SessionFeatures } from './place-learner.js'
import { SteadyClock } from './steady-clock.js'

/** Pairs of templates whose gaps are learnt, at most. */
const MAX_PAIRS = 20_000
/** Gaps of a pair that fewer sessions hold say little: then those of all lines before the second template count. */
export const MIN_GAP_SESSIONS = 20
/** A step of the log's time is believed up to this many times the longest in training. */
const STEP_MARGIN = 2

interface GapPlace {
  readonly first: number | undefined
  readonly second: number
}

/** Learns how long it takes from line to line within sessions, and how fast lines come. */
export class TimeLearner {
  readonly #clock = new SteadyClock()
  readonly #gaps = new Map<string, number>()
  readonly #gapPlaces = new Map<number, GapPlace>()
  readonly #bursts: readonly number[]

  /** @param tickMs the finest time between two lines */
  constructor(
    readonly places: PlaceLearner,
    readonly tickMs: number,
  ) {
    this.#bursts = BURST_SPANS_MS.map(() => places.open(false))
  }

  /** The steady time of a line. */
  at(timeMs: number): number {
    return this.#clock.at(timeMs)
  }

  /** @param timeMs steady time @param previous log key of the session's line before, if any */
  note(session: SessionFeatures, pace: Pace, key: number, timeMs: number): void {
    pace.arrive(timeMs)
    const { gapMs, previous, counts } = pace
    pace.previous = key
    if (Number.isNaN(timeMs)) return
    counts.forEach((count, i) => {
      const place = this.#bursts[i]!
      session.add(place, this.places.tally(place).ofNumber(count))
    })
    if (Number.isNaN(gapMs) || previous === undefined) return
    for (const first of [previous, undefined]) {
      const place = this.#gapPlace(first, key)
      if (place !== undefined)
        session.add(place, this.places.tally(place).ofNumber(Math.max(gapMs, this.tickMs)))
    }
  }

  /** How surprising a session's times are among the other sessions, in nats. */
  ownSurprise(session: SessionFeatures): number {
    let most = 0
    const rare = new Set<number>()
    const ofAnyPair: (readonly [second: number, surprise: number])[] = []
    for (const [place, surprise] of this.places.ownSurprises(session)) {
      const gap = this.#gapPlaces.get(place)
      if (gap === undefined) {
        if (this.#bursts.includes(place)) most = Math.max(most, surprise)
      } else if (this.#numSessions(place) < MIN_GAP_SESSIONS) rare.add(gap.second)
      else if (gap.first === undefined) ofAnyPair.push([gap.second, surprise])
      else most = Math.max(most, surprise)
    }
    for (const [second, surprise] of ofAnyPair) if (rare.has(second)) most = Math.max(most, surprise)
    return most
  }

  /** Undefined where lines had no times. @param ids template id of each log key */
  toTable(ids: ReadonlyMap<number, string>): HabitTable['times'] {
    const bursts = this.#bursts.flatMap(place => this.places.learnt(place)?.range?.table ?? [])
    if (bursts.length < this.#bursts.length) return undefined
    const gaps: NonNullable<HabitTable['times']>['gaps'] = []
    for (const [place, { first, second }] of this.#gapPlaces) {
      const range = this.places.learnt(place)?.range
      const id = ids.get(second)
      const firstId = first === undefined ? null : ids.get(first)
      if (range === undefined || id === undefined || firstId === undefined) continue
      if (range.table.of >= MIN_GAP_SESSIONS) gaps.push([firstId, id, range.table])
    }
    const maxStepMs = STEP_MARGIN * Math.max(this.tickMs, this.#clock.longestStepMs)
    return { tickMs: this.tickMs, maxStepMs, gaps, bursts }
  }

  #numSessions(place: number): number {
    return this.places.learnt(place)?.range?.table.of ?? 0
  }

  #gapPlace(first: number | undefined, second: number): number | undefined {
    const name = `${first ?? ''}>${second}`
    const known = this.#gaps.get(name)
    if (known !== undefined || (first !== undefined && this.#gaps.size >= MAX_PAIRS)) return known
    const place = this.places.open()
    this.#gaps.set(name, place)
    this.#gapPlaces.set(place, { first, second })
    return place
  }
}
