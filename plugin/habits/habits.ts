import type { Cluster } from '../../drain/cluster.js'
import type { Drain } from '../../drain/drain.js'
import type { Vocabulary } from '../../scorer/vocabulary.js'
import type { HabitFinding } from './finding.js'
import type { HabitTable } from './habit-table.js'
import { Pace } from './pace.js'
import { ParameterHabits } from './parameter-habits.js'
import { TimeHabits } from './time-habits.js'

const NONE: readonly never[] = []

/** What is odd about lines beyond their keys: their values and their times. */
export class Habits {
  readonly #parameters: ParameterHabits
  readonly #times: TimeHabits | undefined

  /** @param least surprise up to which a detector's findings mean nothing: they are not looked for, nor anything where it is infinite */
  constructor(
    table: HabitTable,
    drain: Drain,
    vocabulary: Vocabulary,
    least: (detector: 'parameter' | 'time-gap') => number,
  ) {
    this.#parameters = new ParameterHabits(table, { drain, vocabulary, least: least('parameter') })
    const leastOfTimes = least('time-gap')
    if (table.times !== undefined && leastOfTimes < Number.POSITIVE_INFINITY)
      this.#times = new TimeHabits(table.times, vocabulary, leastOfTimes)
  }

  /** The time of a line as sessions are timed; call it once for each line, in order. */
  steady(timeMs: number): number {
    return this.#times === undefined ? Number.NaN : this.#times.steady(timeMs)
  }

  /** The oddest about the values of the line that Drain learnt last. */
  content(line: string, cluster: Cluster, token: number): HabitFinding | undefined {
    return this.#parameters.look(line, cluster, token)
  }

  /** How odd the level of a line is, which says something where its kind is new. */
  level(level: string | undefined): HabitFinding | undefined {
    return this.#parameters.level(level)
  }

  /** The oddest about when a line came in each of its sessions; empty where none is timed. */
  timing(
    sessions: readonly { pace?: Pace | undefined }[],
    token: number,
    steadyMs: number,
  ): readonly (HabitFinding | undefined)[] {
    const times = this.#times
    if (times === undefined) return NONE
    return sessions.map(session => {
      session.pace ??= new Pace()
      return times.look(session.pace, token, steadyMs)
    })
  }
}
