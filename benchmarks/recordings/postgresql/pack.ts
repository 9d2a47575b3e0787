import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Entry, Ledger } from './ledger.js'

const PREFIX = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[(\d+)\] ([0-9a-f]+\.[0-9a-f]+) /
const RECEIVED = /LOG: {2}connection received: host=(\S+?)(?: port=(\d+))?$/

/** Longest time between a client's connect and the server's line about it, milliseconds. */
const MAX_ACCEPT_DELAY = 5000

interface Session {
  readonly id: string
  readonly pid: number
  readonly entry: Entry | undefined
  readonly started: number
  ended: number
  /** The server logged why or that the session ended. */
  hasEnd: boolean
  numLines: number
}

/** What the recording holds; written beside it as `postgresql.json`. */
export interface Packed {
  readonly server: string
  readonly lines: number
  readonly sessions: number
  readonly anomalous: number
  /** Sessions by fault. */
  readonly faults: Readonly<Record<string, number>>
  readonly split: {
    /** First line of the second part, counted from 1. */
    readonly line: number
    readonly time: string
    readonly sessionsBefore: number
    readonly anomalousBefore: number
  }
}

export interface PackResult {
  readonly packed: Packed
  /** Disagreements between log and ledger; a good recording has none. */
  readonly warnings: readonly string[]
}

/** Finds the recorder's entry for a connection by the client's port, which both sides know. */
function entryFinder(ledger: Ledger): (port: number, time: number) => Entry | undefined {
  const byPort = new Map<number, Entry[]>()
  for (const entry of ledger.entries) byPort.set(entry.port, [...(byPort.get(entry.port) ?? []), entry])
  return (port, time) =>
    byPort
      .get(port)
      ?.map(entry => ({ entry, distance: Math.abs(time - entry.openedAt) }))
      .filter(({ distance }) => distance < MAX_ACCEPT_DELAY)
      .sort((a, b) => a.distance - b.distance)[0]?.entry
}

function readSessions(lines: readonly string[], ledger: Ledger, warnings: string[]): Session[] {
  const find = entryFinder(ledger)
  const sessions = new Map<string, Session>()
  for (const line of lines) {
    const [, stamp = '', pid = '', id = ''] = PREFIX.exec(line) ?? []
    if (id === '') continue
    const time = Date.parse(`${stamp.replace(' ', 'T')}Z`)
    const received = RECEIVED.exec(line)
    if (received) {
      const isLocal = received[1] === '[local]'
      const entry = isLocal ? undefined : find(Number(received[2]), time)
      if (!isLocal && !entry) warnings.push(`no entry for: ${line}`)
      const start = { id, pid: Number(pid), entry, started: time, ended: time }
      sessions.set(id, { ...start, hasEnd: false, numLines: 0 })
    }
    const session = sessions.get(id)
    if (!session) continue
    session.ended = time
    session.numLines++
    session.hasEnd ||= /(LOG: {2}disconnection|FATAL): /.test(line)
  }
  return [...sessions.values()]
}

/** Checks that the server's log and the recorder's ledger tell the same story. */
function check(sessions: readonly Session[], ledger: Ledger, warnings: string[]): void {
  const seen = new Set(sessions.map(session => session.entry))
  for (const entry of ledger.entries) {
    if (entry.port > 0 && !seen.has(entry))
      warnings.push(`the log lacks the ${entry.flow} on port ${entry.port}`)
  }
  for (const { id, pid, entry, hasEnd, numLines } of sessions) {
    if (entry && entry.pid > 0 && entry.pid !== pid)
      warnings.push(`session ${id} is not process ${entry.pid}`)
    if (!entry?.fault && numLines > 1 && !hasEnd) warnings.push(`ordinary session ${id} is cut off`)
    if (entry?.fault && numLines === 1) warnings.push(`anomalous session ${id} has one line (${entry.fault})`)
  }
}

function timestamp(time: number): string {
  return new Date(time).toISOString()
}

function summarize(lines: readonly string[], sessions: readonly Session[], splitAt: number): Packed {
  const split = timestamp(splitAt).slice(0, -1).replace('T', ' ')
  const before = sessions.filter(({ started }) => started < splitAt)
  const faults: Record<string, number> = {}
  for (const name of sessions.map(({ entry }) => entry?.fault).sort())
    if (name !== undefined) faults[name] = (faults[name] ?? 0) + 1
  return {
    server: /PostgreSQL [\d.]+/.exec(lines[0] ?? '')?.[0] ?? '',
    lines: lines.length,
    sessions: sessions.length,
    anomalous: sessions.filter(({ entry }) => entry?.fault).length,
    faults,
    split: {
      line: lines.findIndex(line => PREFIX.test(line) && line.slice(0, split.length) >= split) + 1,
      time: timestamp(splitAt),
      sessionsBefore: before.length,
      anomalousBefore: before.filter(({ entry }) => entry?.fault).length,
    },
  }
}

/**
 * Joins log and ledger and writes `postgresql.log.gz`, `postgresql-labels.csv.gz` and `postgresql.json` into
 * `directory`. `splitAt` is the time between the two parts, milliseconds since the epoch.
 */
export function pack(logFile: string, ledger: Ledger, splitAt: number, directory: string): PackResult {
  const text = readFileSync(logFile, 'utf8')
  const lines = text.trimEnd().split('\n')
  const warnings = ledger.unexplained.map(trouble => `unexplained: ${trouble}`)
  const sessions = readSessions(lines, ledger, warnings)
  check(sessions, ledger, warnings)
  const rows = sessions.map(({ id, entry, started, ended }) => {
    const fault = entry?.fault ?? ''
    return `${id},${fault ? 1 : 0},${fault},${timestamp(started)},${timestamp(ended)}`
  })
  const packed = summarize(lines, sessions, splitAt)
  const labels = `${['session,label,fault,started,ended', ...rows].join('\n')}\n`
  writeFileSync(`${directory}/postgresql.log.gz`, gzipSync(text, { level: 9 }))
  writeFileSync(`${directory}/postgresql-labels.csv.gz`, gzipSync(labels, { level: 9 }))
  writeFileSync(`${directory}/postgresql.json`, `${JSON.stringify(packed, null, 2)}\n`)
  return { packed, warnings }
}
