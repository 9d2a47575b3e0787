import { faultOf } from './faults.js'
import type { RecordVerdict, Summary, Verdicts } from './verdicts.js'

/** Scores may differ by so much: batches differ in how their last digits are rounded. */
const TOLERANCE = 1e-4

/** What one run says of the same lines as another. */
export interface Comparison {
  /** Records of which both have a verdict. */
  readonly records: number
  readonly recordsThatDiffer: number
  /** Sessions that ended by themselves in both. */
  readonly sessionsThatEnded: number
  /** Of all sessions: with a record or, where they ended in both, a summary that differs. */
  readonly sessionsThatDiffer: ReadonlySet<string>
}

/** @param sessions the session of each record, by number */
export function compare(one: Verdicts, other: Verdicts, sessions: readonly string[]): Comparison {
  const differing = new Set<string>()
  let records = 0
  let recordsThatDiffer = 0
  one.records.forEach((record, number) => {
    const counterpart = other.records[number]
    if (record === undefined || counterpart === undefined) return
    records++
    if (isSame(record, counterpart) && record.status === counterpart.status) return
    recordsThatDiffer++
    differing.add(sessions[number]!)
  })
  let sessionsThatEnded = 0
  for (const [session, summaries] of one.summaries) {
    const counterparts = other.summaries.get(session)
    if (counterparts === undefined || !hasEnded(summaries) || !hasEnded(counterparts)) continue
    sessionsThatEnded++
    const isAlike =
      summaries.length === counterparts.length &&
      summaries.every((summary, i) => isSame(summary, counterparts[i]!))
    if (!isAlike) differing.add(session)
  }
  return { records, recordsThatDiffer, sessionsThatEnded, sessionsThatDiffer: differing }
}

function isSame(a: RecordVerdict | Summary, b: RecordVerdict | Summary): boolean {
  return a.anomaly === b.anomaly && a.reasons === b.reasons && Math.abs(a.score - b.score) <= TOLERANCE
}

const hasEnded = (summaries: readonly Summary[]): boolean =>
  summaries.every(({ closed }) => closed !== 'open')

/** Sessions that were judged in pieces: they closed more than once. */
export function numSplit({ summaries }: Verdicts): number {
  return [...summaries.values()].filter(({ length }) => length > 1).length
}

/** How many of the failing sessions were flagged, by a record or at their end, and how many of the others. */
export function flagged(verdicts: Verdicts, sessions: readonly string[], faultShare: number) {
  const isFlagged = new Set<string>()
  verdicts.records.forEach((record, number) => {
    if (record?.anomaly) isFlagged.add(sessions[number]!)
  })
  for (const [session, summaries] of verdicts.summaries)
    if (summaries.some(({ anomaly }) => anomaly)) isFlagged.add(session)
  const counts = { failing: 0, failingFlagged: 0, others: 0, othersFlagged: 0 }
  for (const session of new Set(sessions)) {
    const isFailing = faultOf(session, faultShare) !== undefined
    counts[isFailing ? 'failing' : 'others']++
    if (isFlagged.has(session)) counts[isFailing ? 'failingFlagged' : 'othersFlagged']++
  }
  return counts
}
