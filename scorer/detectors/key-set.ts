import { AtLeast } from '../composition/at-least.js'
import { type Companion, companions, EVERY } from '../composition/companions.js'
import { type Finding, raise } from '../composition/findings.js'
import { type CompositionStatistics, sizeOf } from '../composition/statistics.js'
import type { Tally } from '../composition/tally.js'
import { UNKNOWN } from '../vocabulary.js'

/** Which keys a session holds: rare ones, ones that hardly ever come together, and at its end those missing that nearly always come. */
export class KeySet {
  readonly #companions: ReadonlyMap<number, readonly Companion[]>
  /** Lines of kinds that no other session holds. */
  readonly #unique: AtLeast

  constructor(readonly statistics: CompositionStatistics) {
    this.#companions = companions(statistics)
    this.#unique = new AtLeast(statistics.unique)
  }

  /** Takes note of a key's first coming. @param own 1 where the session is one of those in the statistics, and is judged as if it were not */
  observe(tally: Tally, token: number, finding: Finding, own: 0 | 1): void {
    const { statistics } = this
    const of = statistics.numSessions - own
    const holding = statistics.sessionsWith(token)
    raise(finding, holding - own, of, 'present', token)
    for (const other of tally.compared) {
      if (other === token || other === UNKNOWN) continue
      const among = Math.max(statistics.sessionsWith(other), holding) - own
      raise(finding, statistics.together(token, other) - own, among, 'together', token, other)
    }
  }

  /**
   * Takes note that a session holds so many lines of kinds that no other does. Good-Turing: sessions with new kinds of line are as frequent as
   * those that hold kinds by themselves (Good, 1953).
   */
  observeUnseen(token: number, numLines: number, finding: Finding, own: 0 | 1): void {
    const seen = this.#unique.of(sizeOf(numLines)) - own
    const extra = this.#unique.beyond(numLines, own)
    raise(finding, seen, this.statistics.numSessions - own, 'unseen', token, undefined, 0, extra)
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
