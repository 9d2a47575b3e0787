import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readLines } from '../input/lines.js'

/** The bundled recording of a PostgreSQL server, by session the injected fault ('' for ordinary ones). */
export interface Recording {
  readonly path: string
  readonly labels: ReadonlyMap<string, string>
  /** Number of lines before the faults begin. */
  readonly numTrainingLines: number
  readonly sessionRegex: string
}

const FOLDER = new URL('../../../benchmarks/recordings/', import.meta.url)

export async function openRecording(): Promise<Recording> {
  const summary = JSON.parse(await readFile(new URL('postgresql.json', FOLDER), 'utf8')) as {
    split: { line: number }
  }
  const labels = new Map<string, string>()
  for await (const row of readLines([fileURLToPath(new URL('postgresql-labels.csv.gz', FOLDER))])) {
    const [session, label, fault] = row.split(',')
    if (label === '0' || label === '1') labels.set(session!, label === '1' ? fault! : '')
  }
  return {
    path: fileURLToPath(new URL('postgresql.log.gz', FOLDER)),
    labels,
    numTrainingLines: summary.split.line - 1,
    sessionRegex: '\\[\\d+\\] ([0-9a-f]+\\.[0-9a-f]+) ',
  }
}

/** Lines `[from, to)` of the recording, counted from 0. */
export async function* recordedLines({ path }: Recording, from: number, to: number): AsyncGenerator<string> {
  let number = 0
  for await (const line of readLines([path])) {
    if (number >= to) return
    if (number++ >= from) yield line
  }
}
