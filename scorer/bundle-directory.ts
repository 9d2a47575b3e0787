import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MANIFEST_FILE } from './bundle-manifest.js'
import { BundleError } from './errors.js'

/** A file's bytes, whole or in pieces. */
export type Contents = Uint8Array | readonly Uint8Array[]

/** @throws BundleError if a model bundle cannot go to `path` because something else is there */
export async function refuseForeign(path: string): Promise<void> {
  const entries: string[] = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new BundleError(
      `cannot write a model bundle to ${path}: ${error.message}; choose another --out`,
      error,
    )
  })
  if (entries.length > 0 && !entries.includes(MANIFEST_FILE)) {
    throw new BundleError(`${path} holds something else than a model bundle; choose another --out`)
  }
}

/**
 * Makes a directory of these files, all or nothing. What a run that was killed left under the same names goes first; where a step fails, the
 * older bundle is put back.
 * @throws BundleError
 */
export async function replaceDirectory(
  path: string,
  files: Readonly<Record<string, Contents>>,
): Promise<void> {
  const fresh = `${path}.new-${process.pid}`
  const old = `${path}.old-${process.pid}`
  try {
    await rm(fresh, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
    await writeFiles(fresh, files)
    const isReplaced = await exists(path)
    if (isReplaced) await rename(path, old)
    await rename(fresh, path).catch(async error => {
      if (isReplaced) await rename(old, path)
      throw error
    })
    await rm(old, { recursive: true, force: true })
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true }).catch(() => {})
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BundleError(
      `cannot write a model bundle to ${path}: ${reason}; make room there or choose another --out`,
      cause,
    )
  }
}

async function writeFiles(path: string, files: Readonly<Record<string, Contents>>): Promise<void> {
  await mkdir(path, { recursive: true })
  for (const [name, contents] of Object.entries(files)) {
    const handle = await open(join(path, name), 'w')
    try {
      for (const piece of pieces(contents)) await handle.writeFile(piece)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function pieces(contents: Contents): readonly Uint8Array[] {
  return contents instanceof Uint8Array ? [contents] : contents
}

/** What a manifest says of a file. */
export function digestOf(contents: Contents): { readonly sha256: string; readonly bytes: number } {
  const bytes = pieces(contents).reduce((sum, piece) => sum + piece.byteLength, 0)
  return { sha256: sha256(contents), bytes }
}

/** In hexadecimal digits. */
export function sha256(contents: Contents): string {
  const hash = createHash('sha256')
  for (const piece of pieces(contents)) hash.update(piece)
  return hash.digest('hex')
}
