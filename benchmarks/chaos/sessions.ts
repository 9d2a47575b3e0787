import type { Expected } from './expected.js'
import type { Fault } from './fault.js'
import type { Ledger } from './ledger.js'

/** What the faults did to the sessions. */
export interface SessionAssessment {
  readonly sessions: number
  /** Sessions that a fault may have touched: under way when what the stage knew was lost, or with a record that passed unscored. */
  readonly touched: number
  readonly touchedThatDiffer: number
  /** Sessions that no fault touched and with a verdict that is not that of an undisturbed run. */
  readonly untouchedThatDiffer: number
}

/** What became of the records of one session; times in milliseconds of the monotonic clock. */
interface Span {
  /** When its first record was handed in, and the last copy of one arrived. */
  handedMs: number
  lastMs: number
  isUnscored: boolean
  /** A record with a verdict that is not the expected one; -1: there is none. */
  differing: number
}

/** @returns also an example of a session for which the check fails, if there is one */
export function assessSessions(
  ledger: Ledger,
  faults: readonly Fault[],
  expected: Expected,
): SessionAssessment & { readonly example: string | undefined } {
  const spans = spansOf(ledger, expected)
  const touched = spans.filter(span => isTouched(span, faults))
  const differing = spans.filter(span => span.differing >= 0)
  const wrong = differing.filter(span => !isTouched(span, faults))
  return {
    sessions: spans.length,
    touched: touched.length,
    touchedThatDiffer: differing.length - wrong.length,
    untouchedThatDiffer: wrong.length,
    example: wrong[0] && describe(wrong[0].differing, ledger, expected),
  }
}

function describe(number: number, { counts, unexpected }: Ledger, { codes, scores }: Expected): string {
  const told = (code: number, score: number): string => `code ${code}, score ${score.toFixed(6)}`
  const found = unexpected.get(number)
  const instead = found === undefined ? '' : `: ${told(found.code, found.score)}`
  return `record ${number}, which came ${counts[number]} times, has another verdict than in an undisturbed run${instead} instead of ${told(codes[number]!, scores[number]!)}`
}

function spansOf(ledger: Ledger, { total, sessions, numSessions }: Expected): Span[] {
  const spans: Span[] = Array.from({ length: numSessions }, () => ({
    handedMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    isUnscored: false,
    differing: -1,
  }))
  for (let number = 0; number < total; number++) {
    if (ledger.counts[number] === 0) continue
    const span = spans[sessions[number]!]!
    span.handedMs = Math.min(span.handedMs, ledger.handedMs[number]!)
    span.lastMs = Math.max(span.lastMs, ledger.lastMs[number]!)
    if (ledger.unscored[number]) span.isUnscored = true
    if (ledger.differs[number]) span.differing = number
  }
  return spans
}

function isTouched(span: Span, faults: readonly Fault[]): boolean {
  return faults.some(
    fault =>
      (fault.kind.losesSessions === true && isCut(span, fault)) ||
      (fault.kind.unscores === true && span.isUnscored),
  )
}

/** Whether something of it was handed in before a loss was over, and something arrived after it began; repeated records count, as they are judged anew. */
const isCut = ({ handedMs, lastMs }: Span, fault: Fault): boolean =>
  handedMs <= fault.endedMs && lastMs >= fault.beganMs
