import { loadConfig } from '../config.js'
import { readHistory } from '../history/open-history.js'
import type { AnomalyRow, SessionRow } from '../history/rows.js'
import { printable } from '../log.js'
import { emit, say, UsageError } from './terminal.js'

export interface HistoryCommandOptions {
  readonly config: string
  readonly sessions?: boolean
  readonly session?: string
  readonly since?: string
  readonly limit: number
  readonly json?: boolean
}

/** `logneo history`: what a stage found and kept. */
export async function historyCommand(options: HistoryCommandOptions): Promise<void> {
  const { sessions, session, since, limit, json } = options
  const { history } = await loadConfig(options.config, process.env)
  if (history === undefined)
    throw new UsageError(`${options.config} keeps no history: add persist: {} to it, and run the stage`)
  const kind = sessions ? 'sessions' : 'anomalies'
  const from = since === undefined ? undefined : sinceTime(since, Date.now())
  const rows = await readHistory(history.place, { kind, session, since: from, limit })
  if (rows.length === 0) say('nothing was found')
  const told = sessions ? toldSession : toldAnomaly
  await emit(rows.map(row => (json ? `${row}\n` : printableText(told(JSON.parse(row))))).join(''))
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The moment that `12h` or a date stands for, in ISO 8601. @throws UsageError */
export function sinceTime(text: string, nowMs: number): string {
  const ago = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  const timeMs = ago
    ? nowMs - Number(ago[1]) * UNIT_MS[ago[2]!]!
    : /^\d{4}-\d/.test(text)
      ? Date.parse(text)
      : Number.NaN
  if (Math.abs(timeMs) <= 8.64e15) return new Date(timeMs).toISOString()
  throw new UsageError(`--since must be a time such as 90m, 12h, 7d or 2024-05-01T12:00, got ${text}`)
}

function toldAnomaly(row: AnomalyRow): string {
  const { time, severity, score, session, reasons, message, line, context } = row
  const lines = (context as readonly string[]).map(before => `    ${before}\n`).join('')
  return `${heading(time, severity, score, session, reasons)}${said(message)}${lines}  > ${String(line)}\n\n`
}

function toldSession(row: SessionRow): string {
  const { ended, seen_at, severity, score, session, reasons, message, events, anomalies, closed } = row
  const counts = `  ${String(events)} lines, ${String(anomalies)} flagged, closed: ${String(closed)}\n`
  return `${heading(ended ?? seen_at, severity, score, session, reasons)}${said(message)}${counts}\n`
}

function heading(
  time: unknown,
  severity: unknown,
  score: unknown,
  session: unknown,
  reasons: unknown,
): string {
  const why = (reasons as readonly string[]).join(', ')
  return `${String(time)}  ${String(severity).toUpperCase()}  score ${Number(score).toFixed(1)}  session ${String(session)}${why === '' ? '' : `  (${why})`}\n`
}

const said = (message: unknown): string => (typeof message === 'string' ? `  ${message}\n` : '')

/** Lines choose their own text: only our line ends reach the terminal as they are. */
const printableText = (text: string): string => text.split('\n').map(printable).join('\n')
