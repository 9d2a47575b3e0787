import type { KeySequence } from './train.js'

/** At most this share of the sessions is left out: what is more common is part of the log's normal life. */
const MAX_SHARE = 0.05
/** Width of the gap that separates outliers, in nats: e^3, a twentieth of the likelihood of the last ordinary session. */
const MIN_GAP = 3
/** And in terms of how far the ordinary sessions themselves spread above their median. */
const MIN_GAP_IN_SPREADS = 2
/** Fewer sessions say nothing about what is rare. */
const MIN_SESSIONS = 200

/**
 * Finds sessions in a training log that are so unlike all others that they are taken for the anomalies which real logs hold: learnt as they are,
 * they would pass as normal ever after.
 *
 * Each session gets the surprise of its set of keys, as if keys came independently: -ln p of each key's presence or absence. A session that stopped
 * in its tracks lacks keys which nearly all others have; one that went astray holds keys which nearly none have. Only a clear gap counts; where
 * oddness grows evenly, as in logs of many different tasks, nothing is left out.
 *
 * @returns indices into `sequences`; sessions whose end was not seen are never among them
 */
export function findOutliers(sequences: readonly KeySequence[]): Set<number> {
  const candidates = sequences.flatMap(({ ended }, i) => (ended ? [i] : []))
  if (candidates.length < MIN_SESSIONS) return new Set()
  const scores = presenceSurprise(candidates.map(i => new Set(sequences[i]!.keys)))
  const limit = gapBefore(Float64Array.from(scores).sort())
  return new Set(candidates.filter((_, at) => scores[at]! > limit))
}

/** -ln p of each set under independent keys, p by relative frequency with half a session added. */
function presenceSurprise(sets: readonly ReadonlySet<string>[]): number[] {
  const counts = new Map<string, number>()
  for (const set of sets) for (const key of set) counts.set(key, (counts.get(key) ?? 0) + 1)
  const logOdds = new Map<string, number>()
  let allAbsent = 0
  for (const [key, count] of counts) {
    const p = (count + 0.5) / (sets.length + 1)
    allAbsent -= Math.log(1 - p)
    logOdds.set(key, Math.log(1 - p) - Math.log(p))
  }
  return sets.map(set => {
    let surprise = allAbsent
    for (const key of set) surprise += logOdds.get(key)!
    return surprise
  })
}

/** The largest score below the first gap in the upper end of `sorted`; infinity if there is none. */
function gapBefore(sorted: Float64Array): number {
  const count = sorted.length
  const median = sorted[count >> 1]!
  for (let i = Math.floor(count * (1 - MAX_SHARE)); i < count - 1; i++) {
    const gap = sorted[i + 1]! - sorted[i]!
    if (gap >= MIN_GAP && gap >= MIN_GAP_IN_SPREADS * (sorted[i]! - median)) return sorted[i]!
  }
  return Number.POSITIVE_INFINITY
}
