import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import type { Vocabulary } from '../../scorer/vocabulary.js'
import type { HabitFinding } from './finding.js'
import type { HabitTable } from './habit-table.js'
import type { Pace } from './pace.js'
import { ParameterHabits } from './parameter-habits.js'
import { TimeHabits } from './time-habits.js'

/** What is odd about lines beyond their keys: their values and their times. */
export class Habits {
  readonly #parameters: ParameterHabits
  readonly #usesParameters: boolean
  readonly #times: TimeHabits | undefined

  /** @param uses whether a detector decides: what none asks for is not looked at */
  constructor(
    table: HabitTable,
    drain: Drain,
    vocabulary: Vocabulary,
    uses: (detector: 'parameter' | 'time-gap') => boolean,
  ) {
    this.#parameters = new ParameterHabits(table, drain, vocabulary)
    this.#usesParameters = uses('parameter')
    this.#times = table.times && uses('time-gap') ? new TimeHabits(table.times, vocabulary) : undefined
  }

  /** The time of a line as sessions are timed; call it once for each line, in order. */
  steady(timeMs: number): number {
    return this.#times === undefined ? Number.NaN : this.#times.steady(timeMs)
  }

  /** The oddest about the values of the line that Drain learnt last. */
  content(line: string, cluster: Cluster, token: number): HabitFinding | undefined {
    return this.#usesParameters ? this.#parameters.look(line, cluster, token) : undefined
  }

  /** How odd the level of a line is, which says something where its kind is new. */
  level(level: string | undefined): HabitFinding | undefined {
    return this.#parameters.level(level)
  }

  /** The oddest about when a line came in a session. */
  timing(pace: Pace, token: number, steadyMs: number): HabitFinding | undefined {
    return this.#times?.look(pace, token, steadyMs)
  }
}
