import type { ClosedEvent, FlaggedEvent } from '../observer.js'

/** Tables and their columns, as the migrations make them. */
export const TABLES = {
  anomalies: {
    table: 'logneo_anomalies',
    columns: {
      id: 'text',
      time: 'timestamptz',
      seen_at: 'timestamptz',
      tag: 'text',
      session: 'text',
      severity: 'text',
      score: 'real',
      reasons: 'jsonb',
      template: 'text',
      template_id: 'text',
      model: 'text',
      message: 'text',
      line: 'text',
      context: 'jsonb',
      verdict: 'jsonb',
    },
  },
  sessions: {
    table: 'logneo_sessions',
    columns: {
      id: 'text',
      session: 'text',
      seen_at: 'timestamptz',
      anomaly: 'boolean',
      severity: 'text',
      score: 'real',
      reasons: 'jsonb',
      message: 'text',
      events: 'bigint',
      anomalies: 'bigint',
      closed: 'text',
      started: 'timestamptz',
      ended: 'timestamptz',
      model: 'text',
      summary: 'jsonb',
    },
  },
} as const

export type Kind = keyof typeof TABLES
export const KINDS = Object.keys(TABLES) as readonly Kind[]

/** A row of a table, its values as JSON has them. */
export type AnomalyRow = { readonly [Name in keyof typeof TABLES.anomalies.columns]?: unknown }
export type SessionRow = { readonly [Name in keyof typeof TABLES.sessions.columns]?: unknown }

/** Characters kept of a line. */
const MAX_LINE_LENGTH = 8192

export function anomalyRow(
  { id, tag, timeMs, line, context, verdict }: FlaggedEvent,
  nowMs: number,
): AnomalyRow {
  const { session, severity, score, reasons, template, template_id, model, message } = verdict
  return {
    id,
    time: timestamp(timeMs) ?? timestamp(nowMs),
    seen_at: timestamp(nowMs),
    tag,
    session,
    severity: severity ?? 'none',
    score: score ?? 0,
    reasons: reasons ?? [],
    template,
    template_id,
    model,
    message,
    line: line.slice(0, MAX_LINE_LENGTH),
    context,
    verdict,
  }
}

export function sessionRow({ id, seenMs, summary }: ClosedEvent): SessionRow {
  const { session, anomaly, severity, score, reasons, message, events, anomalies, closed, model } = summary
  return {
    id,
    session,
    seen_at: timestamp(seenMs),
    anomaly,
    severity,
    score,
    reasons,
    message,
    events,
    anomalies,
    closed,
    started: timestamp(Date.parse(summary.started ?? '')),
    ended: timestamp(Date.parse(summary.ended ?? '')),
    model,
    summary,
  }
}

/** Texts come from log lines; PostgreSQL takes neither NUL nor halves of surrogate pairs in them. */
export function rowText(row: AnomalyRow | SessionRow): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'string' ? value.replace(/[\0\p{Cs}]/gu, '\ufffd') : value,
  )
}

/** Years of four digits, which every reader of ISO 8601 understands. */
const FIRST_MS = Date.UTC(1, 0, 1)
const LAST_MS = Date.UTC(9999, 11, 31)

const timestamp = (timeMs: number): string | undefined =>
  timeMs >= FIRST_MS && timeMs <= LAST_MS ? new Date(timeMs).toISOString() : undefined
