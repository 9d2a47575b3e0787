import { Composition } from '../composition/composition.js'
import { showFindings } from '../composition/findings.js'
import type { CompositionStatistics } from '../composition/statistics.js'
import {
  DETECTOR_INDEX,
  newStatistics,
  type StatisticName,
  type Statistics,
  UNSEEN_RARITY,
} from '../detectors/detector.js'
import { UnseenKey } from '../detectors/unseen-key.js'
import type { TokenSequence } from '../segments.js'
import type { SequenceScores } from '../sequence-scorer.js'
import type { KeyCount } from '../trained-model.js'
import type { Transitions } from '../transitions.js'
import { sequenceSurprise } from '../validation.js'
import { UNKNOWN, type Vocabulary } from '../vocabulary.js'
import { isWhole, type KeySequence } from './key-sequence.js'

/** A session held out of the training of a model, and what that model said of it. */
export interface HeldOutSession {
  readonly source: KeySequence
  /** UNKNOWN for keys that the model did not learn. */
  readonly sequence: TokenSequence
  readonly score: SequenceScores
}

/** What is known of all sessions, the held-out ones included. */
export interface Corpus {
  readonly keyCounts: readonly KeyCount[]
  /** Counts of all these sessions. */
  readonly transitions: Transitions
  readonly composition: CompositionStatistics
  readonly vocabulary: Vocabulary
}

/** What was found in a held-out session, as if it had not been learnt from. */
export interface JudgedSession {
  /** Of each target, its end included where that was seen, in nats. */
  readonly surprises: Float32Array
  /** What the detectors found at most. */
  readonly statistics: Statistics
}

/** Lets the detectors look at held-out sessions, and finds what a line of an unseen kind comes to. */
export function judgeHeldOut(
  sessions: readonly HeldOutSession[],
  corpus: Corpus,
): { readonly judged: JudgedSession[]; readonly unknownSurprise: number } {
  const unique = new Set(corpus.keyCounts.filter(isUnique).map(({ key }) => key))
  const orders = sessions.map(session => orderStatistics(session, corpus, unique))
  const first = unknownSurprise(corpus.keyCounts, orders)
  const unseenKey = new UnseenKey(first, corpus.composition)
  const composition = new Composition(corpus.composition)
  sessions.forEach(({ source }, i) => {
    const { statistics, surprises, unseenAt, tokens } = orders[i]!
    const { statistics: beyond = {} } = source
    for (const at of unseenAt) surprises[at] = first
    if (unseenAt.length > 0)
      statistics[DETECTOR_INDEX['unseen-key']] =
        unseenKey.surprise(unseenAt.length, isWhole(source) ? 1 : 0) + (beyond['unseen-key'] ?? 0)
    statistics[DETECTOR_INDEX.parameter] = beyond.parameter ?? 0
    statistics[DETECTOR_INDEX['time-gap']] = beyond['time-gap'] ?? 0
    showFindings(statistics, composition.judgeOwn(tokens, isWhole(source)))
  })
  return { judged: orders, unknownSurprise: first }
}

function isUnique({ numSessions }: KeyCount): boolean {
  return numSessions === 1
}

interface OrderStatistics extends JudgedSession {
  /** Places of lines of kinds that no other session holds. */
  readonly unseenAt: readonly number[]
  /** Its keys, those included that its model did not learn. */
  readonly tokens: Int32Array
}

/**
 * What the order of a session's keys shows at most. A key that the model did not learn, as all sessions that hold it were held out together, is
 * judged by how often it follows the three before in other sessions, as the model kept did learn it. @param unique keys that one session holds
 */
export function orderStatistics(
  { source, sequence: { tokens: learnt }, score: { surprises: said, ranks, rarities } }: HeldOutSession,
  { transitions, vocabulary }: Pick<Corpus, 'transitions' | 'vocabulary'>,
  unique: ReadonlySet<string>,
): OrderStatistics {
  const statistics = newStatistics()
  const raise = (statistic: StatisticName, value: number): void => {
    const index = DETECTOR_INDEX[statistic]
    if (value > statistics[index]!) statistics[index] = value
  }
  const tokens = Int32Array.from(source.keys, key => vocabulary.id(key))
  const surprises = Float32Array.from(said)
  const others = learnt.includes(UNKNOWN)
    ? transitions.surprisesWithout({ tokens, ended: source.ended })
    : surprises
  const unseenAt: number[] = []
  for (let i = 0; i < surprises.length; i++) {
    const isLearnt = learnt[i] !== UNKNOWN
    raise('top-k', isLearnt ? ranks[i]! : vocabulary.size)
    raise('rarity', isLearnt ? rarities[i]! : UNSEEN_RARITY)
    if (!isLearnt) surprises[i] = others[i]!
    if (!isLearnt && unique.has(source.keys[i]!)) unseenAt.push(i)
    else raise(i < tokens.length ? 'next-key' : 'session-end', surprises[i]!)
  }
  return { statistics, surprises, unseenAt, tokens }
}

/**
 * Surprise of a session's first line of a kind never seen, in nats: -ln of the Good-Turing probability of such an event, kinds seen in one session
 * only over events (Good, 1953); but no less than what the order of keys comes to in as many sessions as hold kinds of their own. Where new kinds
 * are rarer among sessions than odd orders are, they must not drown among them. The network cannot know either: what it never saw as a target
 * gets whatever the softmax leaves over.
 */
export function unknownSurprise(
  keyCounts: readonly KeyCount[],
  orders: readonly OrderStatistics[] = [],
): number {
  const numEvents = keyCounts.reduce((sum, count) => sum + count.numEvents, 0)
  const numOnce = keyCounts.filter(isUnique).length
  const goodTuring = -Math.log(Math.max(numOnce, 1) / Math.max(numEvents, 1))
  const known = orders.filter(({ unseenAt }) => unseenAt.length === 0)
  const asRare = Float64Array.from(known, ({ statistics }) => sequenceSurprise(statistics)).sort()
  return Math.max(goodTuring, asRare[known.length - 1 - (orders.length - known.length)] ?? 0)
}
