import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, parse } from 'node:path'
import { isSameFile, type Position, readContentHead } from './identity.js'

/** Where reading goes on. */
export interface Place {
  readonly path: string
  readonly offset: number
  /** As Position.incarnation; missing where a file is begun. */
  readonly incarnation?: string | undefined
}

interface Sibling {
  readonly path: string
  readonly device: number
  readonly inode: number
  readonly size: number
  readonly modifiedMs: number
}

/** What rotation puts after or into a name: a number or a date. */
const ROTATED = String.raw`[.-](?:\d{1,5}|\d{4}-?\d\d-?\d\d[-_.T\d]*)`

/** Files that `path` was rotated to, the one written last first: `app.log.1`, `app.log-20240501.gz`, `app-2024-05-01.log`. */
export async function rotatedFiles(path: string): Promise<Sibling[]> {
  const { dir, name, ext } = parse(path)
  const [base, stem, end] = [basename(path), name, ext].map(escaped)
  const pattern = new RegExp(`^(?:${base}${ROTATED}|${stem}${ROTATED}${end})(?:\\.gz)?$`)
  const names = await readdir(dir || '.').catch(() => [])
  const found = await Promise.all(
    names.filter(other => pattern.test(other)).map(other => sibling(join(dirname(path), other))),
  )
  return found.filter(file => file !== undefined).sort((a, b) => b.modifiedMs - a.modifiedMs)
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

async function sibling(path: string): Promise<Sibling | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || !found.isFile()) return undefined
  return { path, device: found.dev, inode: found.ino, size: found.size, modifiedMs: found.mtimeMs }
}

/**
 * Where the file of a position is now: under its path, or rotated away, also as a copy or compressed; nothing when it is gone or written anew.
 * @param isRewritten whether what is under the path is known to be written anew: it may hold the same text again
 */
export async function locate(
  path: string,
  position: Position,
  isRewritten = false,
): Promise<Place | undefined> {
  const live = isRewritten ? undefined : await sibling(path)
  const candidates = [...(live ? [live] : []), ...(await rotatedFiles(path))]
  for (const candidate of candidates) {
    const isSame = candidate.inode === position.inode && candidate.device === position.device
    // What is under the path itself is the file only if it is the very same; others may be copies of it.
    if (candidate === live && !isSame) continue
    if (!isSame && position.fingerprint.bytes === 0) continue
    const { offset, incarnation } = position
    if (await holds(candidate, position)) return { path: candidate.path, offset, incarnation }
  }
  return undefined
}

async function holds({ path, size }: Sibling, { offset, fingerprint }: Position): Promise<boolean> {
  if (!path.endsWith('.gz') && size < offset) return false
  return isSameFile(await readContentHead(path).catch(() => Buffer.alloc(0)), fingerprint)
}

/** The file to be read after one that was rotated away: the oldest that was rotated after it, else the one under the path. */
export async function following(path: string, modifiedMs: number): Promise<Place> {
  const newer = (await rotatedFiles(path)).filter(file => file.modifiedMs > modifiedMs)
  return { path: newer.at(-1)?.path ?? path, offset: 0 }
}
