import type { Judge, Judgement } from '../scorer/judge.js'
import { round } from './fields.js'
import type { ClosedSession, Clue, Session } from './session.js'
import type { Evidence, SessionSummary } from './verdict.js'

/** Enters a decision into the session it was made about. */
export function note({ findings }: Session, judgement: Judgement, message: string | undefined): void {
  if (judgement.isAnomaly) {
    findings.numAnomalies++
    for (const reason of judgement.reasons) findings.reasons.add(reason)
    if (judgement.score > findings.score || findings.message === undefined) findings.message = message
  }
  if (judgement.score > findings.score) findings.score = judgement.score
}

/** Enters the decision that a line's verdict tells, into the session that the verdict names. */
export function noteLine({ findings }: Session, { isAnomaly, score }: Judgement): void {
  if (isAnomaly) findings.lineScore = Math.max(score, findings.lineScore ?? 0)
}

/** Notes that an event of these sessions passed unscored. */
export function noteUnscored(sessions: readonly Session[]): void {
  for (const { findings } of sessions) findings.isIncomplete = true
}

/** What the views found so far, the strongest first. */
export function strongestFirst({ clues, standing }: Session): Clue[] {
  return clues
    .map((clue, view) => ({ clue, evidence: standing.evidence[view]! }))
    .sort((a, b) => b.evidence - a.evidence)
    .flatMap(({ clue }) => clue ?? [])
}

/** The same as it is told. */
export function evidenceOf(session: Session, judge: Judge): Evidence[] {
  return strongestFirst(session)
    .filter(({ message }) => message !== '')
    .map(({ detector, surprise, message }) => ({
      detector,
      p_value: Number(judge.pValue(detector, surprise).toPrecision(3)),
      message,
    }))
}

/** What is told of a session that closed. @param model undefined while there is none */
export function summarize(
  { session, reason }: ClosedSession,
  model: { readonly judge: Judge; readonly bundleId: string } | undefined,
): SessionSummary {
  const { score, numAnomalies, lineScore, reasons, message, isIncomplete } = session.findings
  const anomaly = numAnomalies > 0
  return {
    kind: 'session',
    status: model === undefined ? 'learning' : isIncomplete ? 'unscored' : 'scored',
    session: session.id,
    anomaly,
    score: round(score),
    severity: model?.judge.severity(anomaly, score) ?? 'none',
    reasons: [...reasons],
    ...(message !== undefined && { message }),
    ...(anomaly && model && { evidence: evidenceOf(session, model.judge) }),
    events: session.numEvents,
    anomalies: numAnomalies,
    ...(lineScore !== undefined && model && { line_severity: model.judge.severity(true, lineScore) }),
    open: reason === 'open',
    closed: reason,
    ...(Number.isFinite(session.firstMs) && { started: isoTime(session.firstMs) }),
    ...(Number.isFinite(session.lastMs) && { ended: isoTime(session.lastMs) }),
    ...(model && { model: model.bundleId }),
  }
}

/** Beyond what a Date can hold the time is left as a number. */
function isoTime(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs)
}
