import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Counters } from '../chunk.js'
import { ConfigError } from '../errors.js'
import type { Database } from './database.js'
import { History } from './history.js'
import { askOwner, HistorySocket } from './history-socket.js'
import { findRows, type HistoryQuery } from './history-store.js'
import type { HistoryOptions } from './options.js'
import { PgliteDatabase } from './pglite-database.js'
import { openPostgres } from './postgres-database.js'

/** Where a history is kept. */
export type HistoryPlace =
  | {
      readonly kind: 'postgres'
      readonly url: string
      /** PEM file of the certificates to trust. */
      readonly caFile?: string
    }
  | { readonly kind: 'embedded'; readonly folder: string }

/** Opens the history for writing. @throws HistoryError when another process owns the folder */
export async function openHistory(
  place: HistoryPlace,
  options: HistoryOptions,
  counters: Counters,
): Promise<History> {
  if (place.kind === 'postgres') return new History(await connect(place), options, counters)
  const owned = await own(place.folder)
  return new History(owned, options, counters)
}

/** Reads the history, also while a stage writes it. @throws HistoryError when there is none */
export async function readHistory(place: HistoryPlace, query: HistoryQuery): Promise<readonly string[]> {
  if (place.kind === 'embedded') {
    const rows = existsSync(place.folder) ? await askOwner(place.folder, query) : []
    if (rows !== undefined) return rows
  }
  const database = place.kind === 'postgres' ? await connect(place) : await own(place.folder)
  try {
    return await findRows(database, query)
  } finally {
    await database.close()
  }
}

/** The embedded database, with a socket at which others may ask. */
async function own(folder: string): Promise<Database> {
  let database: PgliteDatabase | undefined
  const socket = await HistorySocket.listen(folder, query => findRows(database!, query))
  database = await PgliteDatabase.open(join(folder, 'database'))
  const { name, query } = database
  return {
    name,
    query,
    transaction: work => database.transaction(work),
    close: async () => {
      await database.close()
      await socket.close()
    },
  }
}

function connect({ url, caFile }: { readonly url: string; readonly caFile?: string }): Promise<Database> {
  try {
    return openPostgres({ url, ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8') })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError([`persist.postgres.tls.ca: ${caFile} cannot be read (${code}): mend the path`])
  }
}
