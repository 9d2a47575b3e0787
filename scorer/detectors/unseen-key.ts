import { AtLeast } from '../composition/at-least.js'
import { type CompositionStatistics, sizeOf } from '../composition/statistics.js'

/** Lines of kinds that training did not have. The more of them a session holds, the more surprising. */
export class UnseenKey {
  readonly #unique: AtLeast

  /** @param first surprise of a session's first such line, in nats */
  constructor(
    readonly first: number,
    statistics: CompositionStatistics,
  ) {
    this.#unique = new AtLeast(statistics.unique)
  }

  /** Surprise in nats once a session holds so many such lines. @param own as for `more` */
  surprise(numLines: number, own: 0 | 1 = 0): number {
    return this.first + this.more(numLines, own)
  }

  /**
   * What the number of such lines in a session adds to the surprise of the first: -ln of the share that hold as many among the sessions that hold
   * kinds of their own. @param own 1 where the session is one of those in the statistics, and is judged as if it were not
   */
  more(numLines: number, own: 0 | 1 = 0): number {
    const any = this.#unique.all - own
    const asMany = this.#unique.of(sizeOf(numLines)) - own
    return this.#unique.beyond(numLines, own) - Math.log((asMany + 0.5) / (any + 0.5))
  }
}
