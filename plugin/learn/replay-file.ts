import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Drain } from '../../drain/drain.js'
import { replaceFile } from '../replace-file.js'
import { type ReplayBuffer, type ReplaySession, replaySessionSchema } from './replay-buffer.js'

const SESSIONS_FILE = 'replay.ndjson'
const DRAIN_FILE = 'replay-drain.json'

/** Writes what was collected, and the Drain whose template ids it holds, each file all or nothing. */
export async function saveReplay(directory: string, buffer: ReplayBuffer, drain: Drain): Promise<void> {
  const rows = buffer.sessions().map(session => `${JSON.stringify(session)}\n`)
  // Templates first: sessions of templates that Drain does not know would be worth nothing.
  await replaceFile(join(directory, DRAIN_FILE), `${JSON.stringify(drain.toSnapshot())}\n`)
  await replaceFile(join(directory, SESSIONS_FILE), rows.join(''))
}

/** Adds the sessions that were saved to `buffer`. Rows that are damaged are left out. */
export async function loadSessions(directory: string, buffer: ReplayBuffer): Promise<void> {
  const text = (await readIfThere(join(directory, SESSIONS_FILE))) ?? ''
  for (const row of text.split('\n')) {
    const session = parseRow(row)
    if (session !== undefined) buffer.add(session)
  }
}

/** The Drain that was saved; undefined if there is none that can be used. */
export async function loadDrain(directory: string): Promise<Drain | undefined> {
  const text = await readIfThere(join(directory, DRAIN_FILE))
  try {
    return text === undefined ? undefined : Drain.fromSnapshot(JSON.parse(text))
  } catch {
    return undefined
  }
}

function parseRow(row: string): ReplaySession | undefined {
  try {
    return replaySessionSchema.safeParse(JSON.parse(row)).data
  } catch {
    return undefined
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
