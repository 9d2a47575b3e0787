import type { HabitTable } from './habit-table.js'
import { Pace } from './pace.js'
import { ParameterLearner } from './parameter-learner.js'
import { PlaceLearner, SessionFeatures } from './place-learner.js'
import type { PlacedValue } from './placed-value.js'
import { TimeLearner } from './time-learner.js'

/** What is noted of one session under training. */
export interface SessionNotes {
  readonly features: SessionFeatures
  readonly pace: Pace
}

/** A line under training. */
export interface NotedLine {
  /** Log key of its template. */
  readonly key: number
  readonly values: readonly PlacedValue[]
  readonly level: string | undefined
  /** As TimeLearner.at gives it, NaN if it has none. */
  readonly steadyMs: number
}

/** What a session shows at most, in nats, as if it had not been learnt from; for `unseen-key` what the level of such a line adds. */
export type OwnSurprises = Readonly<Record<'parameter' | 'time-gap' | 'unseen-key', number>>

/** Learns a log's habits beyond its sequences: the values of parameters, and times. */
export class HabitLearner {
  readonly #places = new PlaceLearner()
  readonly #parameters = new ParameterLearner(this.#places)
  readonly #times: TimeLearner

  /** @param tickMs the finest time between two lines */
  constructor(tickMs: number) {
    this.#times = new TimeLearner(this.#places, tickMs)
  }

  begin(): SessionNotes {
    return { features: new SessionFeatures(), pace: new Pace() }
  }

  /** The steady time of a line; call it once for each. */
  steady(timeMs: number): number {
    return this.#times.at(timeMs)
  }

  note({ features, pace }: SessionNotes, { key, values, level, steadyMs }: NotedLine): void {
    this.#parameters.note(features, key, values, level)
    this.#times.note(features, pace, key, steadyMs)
  }

  /**
   * @param sessions in the order in which they began, with their log keys @param ids template id of each log key
   * @returns the table, and how odd each session is among the others
   */
  finish(
    sessions: readonly { readonly keys: readonly number[]; readonly notes: SessionNotes }[],
    ids: ReadonlyMap<number, string>,
  ): { table: HabitTable; surprises: OwnSurprises[] } {
    this.#places.learn(sessions.map(({ notes }) => notes.features))
    const holding = countHolding(sessions)
    const times = this.#times.toTable(ids)
    return {
      table: { ...this.#parameters.toTable(ids, holding), ...(times && { times }) },
      surprises: sessions.map(({ keys, notes: { features } }) => ({
        parameter: this.#parameters.ownSurprise(features),
        'time-gap': times === undefined ? 0 : this.#times.ownSurprise(features),
        'unseen-key': this.#parameters.ownLevelSurprise(keys, holding),
      })),
    }
  }
}

/** In how many sessions each key comes. */
function countHolding(sessions: readonly { readonly keys: readonly number[] }[]): Map<number, number> {
  const holding = new Map<number, number>()
  for (const { keys } of sessions)
    for (const key of new Set(keys)) holding.set(key, (holding.get(key) ?? 0) + 1)
  return holding
}
