import type { HabitTable } from './habit-table.js'
import { type PlaceLearner, type SessionFeatures, tableOf } from './place-learner.js'
import type { PlacedValue } from './placed-value.js'
import { numberOf } from './value.js'

/** Places of parameters learnt at most, of all templates together. */
const MAX_PLACES = 20_000

/** A key that so few sessions hold may be unseen to a model trained without them. */
const MAX_RARE = 3

/** Learns what comes where templates vary, and at what levels lines come. */
export class ParameterLearner {
  /** Places by log key and place in the template. */
  readonly #byTemplate = new Map<number, Map<number, number>>()
  readonly #levelPlace: number
  readonly #levels = new Map<number, string>()
  readonly #own = new Set<number>()

  constructor(readonly places: PlaceLearner) {
    this.#levelPlace = places.open()
  }

  /** @param key log key of the line's template */
  note(
    session: SessionFeatures,
    key: number,
    values: readonly PlacedValue[],
    level: string | undefined,
  ): void {
    if (level !== undefined) {
      session.add(this.#levelPlace, this.places.tally(this.#levelPlace).ofText(level, Number.NaN))
      this.#levels.set(key, level)
    }
    for (const { at, text } of values) {
      const place = this.#place(key, at)
      if (place !== undefined) session.add(place, this.places.tally(place).ofText(text, numberOf(text)))
    }
  }

  /** How surprising a session's parameters are among the other sessions, in nats. */
  ownSurprise(session: SessionFeatures): number {
    let most = 0
    for (const [place, surprise] of this.places.ownSurprises(session))
      if (this.#own.has(place)) most = Math.max(most, surprise)
    return most
  }

  /** How surprising the levels of those of a session's keys are that hardly another session holds. @param holding sessions with each key */
  ownLevelSurprise(keys: readonly number[], holding: ReadonlyMap<number, number>): number {
    const levels = this.places.learnt(this.#levelPlace)?.category
    let most = 0
    for (const key of keys) {
      const level = this.#levels.get(key)
      if (holding.get(key)! <= MAX_RARE && level !== undefined && levels !== undefined)
        most = Math.max(most, levels.oddness(level, 1).surprise)
    }
    return most
  }

  /** @param ids template id of each log key @param holding sessions with each key */
  toTable(
    ids: ReadonlyMap<number, string>,
    holding: ReadonlyMap<number, number>,
  ): Pick<HabitTable, 'templates' | 'levels'> {
    const templates: HabitTable['templates'] = {}
    for (const [key, numSessions] of holding) {
      const places = [...(this.#byTemplate.get(key) ?? [])].flatMap(([at, place]) => {
        const learnt = this.places.learnt(place)
        return learnt === undefined ? [] : [{ at, ...tableOf(learnt) }]
      })
      const id = ids.get(key)
      if (id !== undefined) templates[id] = { numSessions, places }
    }
    const levels = this.places.learnt(this.#levelPlace)?.category
    return { templates, ...(levels && levels.table.of > 0 && { levels: levels.table }) }
  }

  #place(key: number, at: number): number | undefined {
    let places = this.#byTemplate.get(key)
    if (places === undefined) {
      places = new Map()
      this.#byTemplate.set(key, places)
    }
    const known = places.get(at)
    if (known !== undefined || this.#own.size >= MAX_PLACES) return known
    const place = this.places.open()
    this.#own.add(place)
    places.set(at, place)
    return place
  }
}
