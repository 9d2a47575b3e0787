import type { ClosedEvent, FlaggedEvent } from '../observer.js'
import type { Finding } from './alert.js'

/** Characters kept of a line. */
const MAX_LINE_LENGTH = 1000

/** A flagged line as a finding. Findings of one template and one detector are alike. */
export function lineFinding(
  { id, tag, timeMs, line, context, verdict }: FlaggedEvent,
  numContext: number,
): Finding {
  const { severity = 'low', score = 0, session = '', reasons = [], template, template_id, model } = verdict
  return {
    id,
    group: `${template_id} ${reasons[0]}`,
    timeMs,
    severity,
    score,
    session,
    reasons,
    message: verdict.message ?? 'an anomaly was found',
    tag,
    template,
    template_id,
    model,
    ...(numContext > 0 && { line: cut(line) }),
    context: latest(context, numContext),
  }
}

/** A session that was flagged by its end alone. What it is made of differs from session to session: the detector tells which are alike. */
export function sessionFinding({ id, seenMs, context, summary }: ClosedEvent, numContext: number): Finding {
  const { severity, score, session, reasons, message, model } = summary
  return {
    id,
    group: `session ${reasons[0]}`,
    timeMs: seenMs,
    severity,
    score,
    session,
    reasons,
    message: message ?? 'the session as a whole is unusual',
    model,
    context: latest(context, numContext),
  }
}

const cut = (line: string): string =>
  line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}...` : line

const latest = (lines: readonly string[], count: number): readonly string[] =>
  count === 0 ? [] : lines.slice(-count)
