import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Kind } from './rows.js'

const gzipAsync = promisify(gzip)

/**
 * Adds rows to the archive of a day, `anomalies-2024-05-01.ndjson.gz`; on disk when it resolves. A gzip file may be added to: readers see
 * one text.
 */
export async function archiveRows(
  folder: string,
  kind: Kind,
  rows: readonly string[],
  nowMs: number,
): Promise<void> {
  const day = new Date(nowMs).toISOString().slice(0, 10)
  const packed = await gzipAsync(`${rows.join('\n')}\n`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = await open(join(folder, `${kind}-${day}.ndjson.gz`), 'a', 0o600)
  try {
    await file.writeFile(packed)
    await file.sync()
  } finally {
    await file.close()
  }
}
