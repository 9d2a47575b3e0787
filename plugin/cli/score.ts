import type { Adoption } from '../adopt/adoptions.js'
import { StateDirectory } from '../adopt/state-directory.js'
import { readLines } from '../input/lines.js'
import type { LogRecord } from '../line-reader.js'
import { createStage, type Stage, type TaggedRecord } from '../stage.js'
import type { StageOptions } from '../stage-options.js'
import type { SessionSummary, Verdict } from '../verdict.js'
import { emit, say } from './terminal.js'

export interface ScoreCommandOptions {
  readonly stage: StageOptions
  readonly input: readonly string[]
  readonly complete?: boolean
  readonly explain?: boolean
  readonly adopt?: boolean
  readonly state?: string
}

/** Context lines printed before a flagged one. */
const NUM_CONTEXT = 3

/** `logneo score`: verdicts for files, as NDJSON, or the flags alone for people. */
export async function scoreCommand({
  stage: options,
  input,
  complete = false,
  explain = false,
  adopt = false,
  state: path,
}: ScoreCommandOptions): Promise<void> {
  const state =
    adopt || path !== undefined ? StateDirectory.open(path, { onChange: sayChange, warn: say }) : undefined
  const stage = await createStage({
    ...options,
    state,
    ...(adopt && { adopt: {} }),
    onScorerFailure: error => say(`scoring failed, lines pass unscored: ${error.message}`),
  })
  const print = explain ? printFlags() : printRecords
  try {
    const tally = new Tally()
    let batch: TaggedRecord[] = []
    for await (const tagged of stage.processAll(records(input, stage), { complete })) {
      tally.add(tagged)
      batch.push(tagged)
      if (batch.length < 500) continue
      await emit(print(batch))
      batch = []
    }
    await emit(print(batch))
    say(tally.text())
  } finally {
    await stage.close()
    state?.close()
  }
}

function sayChange(event: 'adopted' | 'revoked', { id, description, sightings }: Adoption): void {
  if (event === 'revoked' || sightings === undefined) return
  const { sessions, from, to } = sightings
  say(`adopted as ${id}, shown by ${sessions} sessions from ${from} to ${to}: ${description.join('; ')}`)
}

/** Lines as records: JSON lines by their fields where the format is json, others as they are. */
async function* records(input: readonly string[], stage: Stage): AsyncGenerator<LogRecord | string> {
  const isJson = stage.rules.format === 'json'
  for await (const line of readLines(input)) yield isJson ? (jsonRecord(line) ?? line) : line
}

function jsonRecord(line: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as LogRecord)
      : undefined
  } catch {
    return undefined
  }
}

function printRecords(batch: readonly TaggedRecord[]): string {
  return batch.map(record => `${JSON.stringify(record)}\n`).join('')
}

/** Prints flags with the lines of their session before them. */
function printFlags(): (batch: readonly TaggedRecord[]) => string {
  const contexts = new Map<string, string[]>()
  return batch =>
    batch
      .map(record =>
        'kind' in record.logneo
          ? flaggedEnd(record.logneo, contexts)
          : flaggedLine(record, record.logneo, contexts),
      )
      .join('')
}

function flaggedLine(record: TaggedRecord, verdict: Verdict, contexts: Map<string, string[]>): string {
  const line =
    typeof record.message === 'string' ? record.message : JSON.stringify({ ...record, logneo: undefined })
  const session = verdict.session ?? ''
  const context = contexts.get(session) ?? []
  const text = verdict.anomaly
    ? `${heading(verdict.severity!, verdict.score!, session, verdict.reasons!)}\n  ${verdict.message}\n${context.map(old => `    ${old}\n`).join('')}  > ${line}\n\n`
    : ''
  context.push(line)
  if (context.length > NUM_CONTEXT) context.shift()
  contexts.set(session, context)
  return text
}

/** A session's own flags were printed with their lines; what is left to tell is an end that should not have been. */
function flaggedEnd(summary: SessionSummary, contexts: Map<string, string[]>): string {
  const context = contexts.get(summary.session) ?? []
  contexts.delete(summary.session)
  if (!summary.reasons.includes('session-end')) return ''
  return `${heading(summary.severity, summary.score, summary.session, ['session-end'])}\n  ${summary.message}\n${context.map(old => `    ${old}\n`).join('')}\n`
}

function heading(severity: string, score: number, session: string, reasons: readonly string[]): string {
  return `${severity.toUpperCase()}  score ${score.toFixed(1)}  session ${session}  (${reasons.join(', ')})`
}

/** What a person wants to know at the end. */
class Tally {
  #numLines = 0
  #numUnscored = 0
  #numFlagged = 0
  #numSessions = 0
  #numFlaggedSessions = 0

  add({ logneo }: TaggedRecord): void {
    if ('kind' in logneo) {
      this.#numSessions++
      if (logneo.anomaly) this.#numFlaggedSessions++
      return
    }
    this.#numLines++
    if (logneo.status === 'unscored') this.#numUnscored++
    if (logneo.anomaly === true) this.#numFlagged++
  }

  text(): string {
    const unscored =
      this.#numUnscored === 0
        ? ''
        : `; ${this.#numUnscored} lines passed unscored, as they belong to no session or could not be scored`
    return `${this.#numLines} lines, ${this.#numFlagged} flagged; ${this.#numSessions} sessions, ${this.#numFlaggedSessions} flagged${unscored}`
  }
}
