import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { sha256 } from './bundle-directory.js'
import { damaged } from './bundle-manifest.js'
import { BundleError } from './errors.js'

const MAX_FILE_BYTES = 16 * 2 ** 30

/** Reads a file of the bundle at `path`. @throws BundleError if it is not what the manifest says */
export async function readVerified(
  path: string,
  name: string,
  digest: string,
  bytes: number,
): Promise<Buffer> {
  const file = join(path, name)
  let contents: Buffer
  try {
    const { size } = await stat(file)
    if (size !== bytes || size > MAX_FILE_BYTES)
      throw damaged(path, `${name} has ${size} bytes instead of ${bytes}`)
    contents = await readFile(file)
  } catch (cause) {
    if (cause instanceof BundleError) throw cause
    throw damaged(path, `${name} is missing`, cause)
  }
  if (sha256(contents) !== digest) throw damaged(path, `${name} does not match its checksum`)
  return contents
}

/** Parses a JSON file of the bundle at `path`. @throws BundleError if it is not as the schema has it */
export function parseFile<T>(path: string, name: string, bytes: Buffer | undefined, schema: z.ZodType<T>): T {
  if (bytes === undefined) throw damaged(path, `${name} is not listed`)
  let json: unknown
  try {
    json = JSON.parse(bytes.toString())
  } catch (cause) {
    throw damaged(path, `${name} is not JSON`, cause)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path: where, message } = parsed.error.issues[0]!
  throw damaged(path, `${name}: ${where.join('.')}: ${message}`)
}
