import { type Companion, companions, EVERY } from '../composition/companions.js'
import { type Finding, raise } from '../composition/findings.js'
import type { CompositionStatistics } from '../composition/statistics.js'
import type { Tally } from '../composition/tally.js'
import { UNKNOWN } from '../vocabulary.js'

/** Which keys a session holds: rare ones, ones that hardly ever come together, and at its end those missing that nearly always come. */
export class KeySet {
  readonly #companions: ReadonlyMap<number, readonly Companion[]>
  /** Keys that a single session holds. */
  readonly #numSingle: number

  constructor(readonly statistics: CompositionStatistics) {
    this.#companions = companions(statistics)
    let numSingle = 0
    for (const token of statistics.tokens()) if (statistics.sessionsWith(token) === 1) numSingle++
    this.#numSingle = numSingle
  }

  /** Takes note of a key's first coming. @param own 1 where the session is one of those in the statistics, and is judged as if it were not */
  observe(tally: Tally, token: number, finding: Finding, own: 0 | 1): void {
    const { statistics } = this
    const of = statistics.numSessions - own
    const holding = statistics.sessionsWith(token)
    if (token === UNKNOWN || holding <= own) {
      // Good-Turing: new keys turn up about as often as keys that only one session holds (Good, 1953).
      raise(finding, this.#numSingle - (holding === 0 ? 0 : own), of, 'unseen', token)
      return
    }
    raise(finding, holding - own, of, 'present', token)
    for (const other of tally.compared) {
      if (other === token || other === UNKNOWN) continue
      const among = Math.max(statistics.sessionsWith(other), holding) - own
      raise(finding, statistics.together(token, other) - own, among, 'together', token, other)
    }
  }

  /** Looks for keys that should have come: those that go with every session, and with each key of this one. */
  conclude(tally: Tally, finding: Finding, own: 0 | 1): void {
    this.#absent(EVERY, this.statistics.numSessions, tally, finding, own)
    for (const token of tally.compared)
      this.#absent(token, this.statistics.sessionsWith(token), tally, finding, own)
  }

  /** The most faithful companion of a key that did not come, of those not passed over. */
  #absent(token: number, of: number, tally: Tally, finding: Finding, own: 0 | 1): void {
    for (const companion of this.#companions.get(token) ?? []) {
      if (tally.count(companion.token) > 0) continue
      const goesWith = token === EVERY ? undefined : token
      if (!raise(finding, companion.without - own, of - own, 'absent', companion.token, goesWith)) return
    }
  }
}
