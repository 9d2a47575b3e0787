import { Composition } from '../composition/composition.js'
import { CompositionStatistics } from '../composition/statistics.js'
import { Tally } from '../composition/tally.js'
import { Vocabulary } from '../vocabulary.js'
import { isWhole, type KeySequence } from './key-sequence.js'

/** At most this share of the sessions is left out: what is more common is part of the log's normal life. */
const MAX_SHARE = 0.1
/** And no fewer: so many odd sessions any log holds, and calibration must know of them. */
const MIN_SHARE = 0.0075
const MIN_OUTLIERS = 10
/** Fewer sessions say nothing about what is rare. */
const MIN_SESSIONS = 200
/** In nats: what one session in 40 does is normal life, whatever is rarer. */
const MIN_ODDNESS = Math.log(40)
/** Width of the valley before outliers, in nats: a property e times as common. */
const VALLEY = 1
/**
 * Sessions in the valley for each one beyond it. Where all frequencies of properties are about as common there are e - 1 = 1.7; clean logs have
 * seldom fewer than 0.6 (HDFS, BGL, PostgreSQL and parts of them), logs with one anomaly in a hundred 0 to 0.2.
 */
const MAX_IN_VALLEY = 0.5

/**
 * Finds sessions in a training log that are taken for the anomalies which real logs hold: learnt as they are, they would pass as normal ever after,
 * and calibration would count them as what normal sessions do.
 *
 * A session is as odd as its rarest property, judged against all others (see Composition). In normal life oddness thins out evenly: the rarer a
 * property, the fewer sessions have one so rare. Anomalies are a hump beyond a valley: many sessions that are each about as odd, though each in a
 * way of its own, and hardly any between them and the rest. What lies beyond the deepest valley is left out, and the rest is looked at again, as
 * anomalies vouch for each other. A log without a valley, clean or of many different tasks, is left as it is.
 *
 * The valley is sought among whole sessions; of one whose end was not seen only what it holds can be odd.
 *
 * @returns indices into `sequences`
 */
export function findOutliers(sequences: readonly KeySequence[]): Set<number> {
  const outliers = new Set<number>()
  const numWhole = sequences.filter(isWhole).length
  if (numWhole < MIN_SESSIONS) return outliers
  const maxOutliers = Math.floor(MAX_SHARE * numWhole)
  for (let kept = sequences.map((_, i) => i); ; ) {
    const oddness = oddnessOf(kept.map(i => sequences[i]!))
    const ofWhole = oddness.filter((_, at) => isWhole(sequences[kept[at]!]!))
    const limit = beforeValley(Float64Array.from(ofWhole).sort(), maxOutliers - (numWhole - ofWhole.length))
    const found = kept.filter((_, at) => oddness[at]! > limit)
    if (found.length === 0) return outliers
    for (const i of found) outliers.add(i)
    kept = kept.filter(i => !outliers.has(i))
  }
}

/** The surprise of each session's strangest property, in nats, as if the session were not in the log. */
function oddnessOf(sessions: readonly KeySequence[]): number[] {
  const vocabulary = Vocabulary.of(sessions.map(({ keys }) => keys))
  const tokens = sessions.map(({ keys }) => keys.map(key => vocabulary.id(key)))
  const whole = tokens.filter((_, i) => isWhole(sessions[i]!)).map(one => Tally.of(one))
  const composition = new Composition(CompositionStatistics.of(whole, vocabulary.size))
  return sessions.map((session, i) => {
    const findings = composition.judgeOwn(tokens[i]!, isWhole(session))
    return Math.max(...Object.values(findings).map(({ surprise }) => surprise))
  })
}

/** The oddness before the deepest valley in the upper end of `sorted`; infinity if there is none. */
function beforeValley(sorted: Float64Array, maxOutliers: number): number {
  const count = sorted.length
  const minOutliers = Math.max(MIN_OUTLIERS, Math.ceil(MIN_SHARE * count))
  let limit = Number.POSITIVE_INFINITY
  let shallowest = MAX_IN_VALLEY
  let bottom = count - 1
  for (let first = count - 1; sorted[first]! >= MIN_ODDNESS && count - first <= maxOutliers; first--) {
    while (bottom >= 0 && sorted[bottom]! > sorted[first]! - VALLEY) bottom--
    const numBeyond = count - first
    if (sorted[first - 1] === sorted[first] || numBeyond < minOutliers) continue
    const inValley = (first - 1 - bottom) / numBeyond
    if (inValley >= shallowest) continue
    shallowest = inValley
    limit = sorted[first - 1]!
  }
  return limit
}
