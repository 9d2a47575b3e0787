import type { Adoption } from '../adopt/adoptions.js'
import { StateDirectory } from '../adopt/state-directory.js'
import { readLines } from '../input/lines.js'
import type { LogRecord } from '../line-reader.js'
import { createStage, type Stage, type TaggedRecord } from '../stage.js'
import type { StageOptions } from '../stage-options.js'
import { FlagPrinter } from './flag-printer.js'
import { emit, say } from './terminal.js'

export interface ScoreCommandOptions {
  readonly stage: StageOptions
  readonly input: readonly string[]
  readonly complete?: boolean
  readonly explain?: boolean
  readonly adopt?: boolean
  readonly state?: string
}

/** Width of paragraphs where nobody says how wide the page is. */
const DEFAULT_COLUMNS = 80

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
  const print = explain ? flagPrinter() : printRecords
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

function flagPrinter(): (batch: readonly TaggedRecord[]) => string {
  const { columns, isTTY } = process.stdout
  const printer = new FlagPrinter({ columns: columns ?? DEFAULT_COLUMNS, isCut: isTTY === true })
  return batch => batch.map(record => printer.print(record)).join('')
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
