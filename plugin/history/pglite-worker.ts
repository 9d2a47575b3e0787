import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'

/** A statement to run, or the end. */
export type PgliteRequest =
  | { readonly id: number; readonly text: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly isEnd: true }

export type PgliteReply =
  | { readonly id: number; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly id: number; readonly error: string; readonly code: string | undefined }

// PGlite computes on the thread that calls it: here it keeps no record waiting.
const { folder } = workerData as { folder: string }
const opened = open(folder)
// Told with the first statement.
opened.catch(() => {})
const port = parentPort!

port.on('message', (request: PgliteRequest) => {
  answer(request).then(
    rows => port.postMessage({ id: request.id, rows } satisfies PgliteReply),
    (error: Error & { code?: string }) =>
      port.postMessage({ id: request.id, error: error.message, code: error.code } satisfies PgliteReply),
  )
})

/** Made beside its place first, so that a process that dies meanwhile leaves nothing half made there. */
async function open(folder: string): Promise<PGlite> {
  if (!existsSync(folder)) {
    const unfinished = `${folder}.new`
    await rm(unfinished, { recursive: true, force: true })
    await (await PGlite.create(unfinished)).close()
    await rename(unfinished, folder)
  }
  return PGlite.create(folder)
}

async function answer(request: PgliteRequest): Promise<readonly Record<string, unknown>[]> {
  const database = await opened
  if ('isEnd' in request) {
    await database.close()
    return []
  }
  const { rows } = await database.query<Record<string, unknown>>(request.text, [...request.parameters])
  return rows
}
