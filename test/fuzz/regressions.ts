import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Inputs that once ended as none may, a folder a target. Compiled files lie one folder deeper than their sources. */
const FOLDER = fileURLToPath(new URL('../../../test/fixtures/fuzz/', import.meta.url))

export interface Regression {
  readonly file: string
  readonly input: Buffer
}

/** The inputs kept for a target. */
export function regressionsOf(target: string): Regression[] {
  const folder = join(FOLDER, target)
  try {
    return readdirSync(folder).map(file => ({ file, input: readFileSync(join(folder, file)) }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** @returns the file's path */
export function saveRegression(target: string, input: Uint8Array): string {
  const folder = join(FOLDER, target)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`)
  writeFileSync(path, input)
  return path
}
