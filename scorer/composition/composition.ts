import { CountOrder } from '../detectors/count-order.js'
import { CountVector } from '../detectors/count-vector.js'
import { KeySet } from '../detectors/key-set.js'
import { UNKNOWN } from '../vocabulary.js'
import { type Findings, noFindings } from './findings.js'
import type { CompositionStatistics } from './statistics.js'
import { Tally } from './tally.js'

/** How surprising a session's make-up is, whatever its order: what the detectors that share the statistics say. */
export class Composition {
  readonly #keySet: KeySet
  readonly #countOrder: CountOrder
  readonly #countVector: CountVector

  constructor(readonly statistics: CompositionStatistics) {
    this.#keySet = new KeySet(statistics)
    this.#countOrder = new CountOrder(statistics)
    this.#countVector = new CountVector(statistics)
  }

  /** Counts a token in, and raises findings by what that settles, whatever may still come. */
  observe(tally: Tally, token: number, findings: Findings): void {
    const count = tally.add(token)
    if (token === UNKNOWN || (count === 1 && this.#isUnseen(token, 0)))
      this.#keySet.observeUnseen(token, count, findings['key-set'], 0)
    else if (count === 1) this.#keySet.observe(tally, token, findings['key-set'], 0)
    else this.#countVector.observe(token, count, findings['count-vector'], 0)
  }

  /** Counts a token in until it has come `count` times, and raises findings on the way. */
  grow(tally: Tally, token: number, count: number, findings: Findings): void {
    for (let i = tally.count(token); i < count; i++) this.observe(tally, token, findings)
  }

  /** Raises findings by what only the end of a session settles. */
  conclude(tally: Tally, findings: Findings): void {
    this.#conclude(tally, findings, 0)
  }

  /** Findings of a session that is itself one of those in the statistics, as if it were not. @param isWhole whether its end was seen */
  judgeOwn(tokens: Iterable<number>, isWhole: boolean): Findings {
    const findings = noFindings()
    const tally = new Tally()
    const own = isWhole ? 1 : 0
    let numUnseen = 0
    for (const token of tokens) {
      const count = tally.add(token)
      if (this.#isUnseen(token, own)) numUnseen++
      else if (count === 1) this.#keySet.observe(tally, token, findings['key-set'], own)
    }
    if (numUnseen > 0) this.#keySet.observeUnseen(UNKNOWN, numUnseen, findings['key-set'], own)
    for (const [token, count] of tally.entries())
      if (count > 1) this.#countVector.observe(token, count, findings['count-vector'], own)
    if (isWhole) this.#conclude(tally, findings, own)
    return findings
  }

  /** Whether no other session holds a token. */
  #isUnseen(token: number, own: 0 | 1): boolean {
    return token === UNKNOWN || this.statistics.sessionsWith(token) <= own
  }

  #conclude(tally: Tally, findings: Findings, own: 0 | 1): void {
    this.#keySet.conclude(tally, findings['key-set'], own)
    this.#countOrder.conclude(tally, findings['count-order'], own)
    this.#countVector.conclude(tally, findings['count-vector'], own)
  }
}
