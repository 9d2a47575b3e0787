import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian puts servers that are not on everybody's path. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/lib/postgresql/15/bin']

/**
 * The path of a program that a test needs, from the environment variable if that is set, else from the usual folders.
 *
 * @returns undefined where it is missing and tests of optional services may be skipped; pass `missing` on to tap's `skip`
 * @throws Error where it is missing although LOGNEO_REQUIRE_SERVICES=1
 */
export function findProgram(name: string, variable: string): string | undefined {
  const given = process.env[variable]
  if (given !== undefined) return given
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS]
  const path = folders.map(folder => join(folder, name)).find(candidate => existsSync(candidate))
  if (path === undefined && process.env.LOGNEO_REQUIRE_SERVICES === '1')
    throw new Error(`${name} is missing: install it, or set ${variable} to its path`)
  return path
}

/** What a skipped test says. */
export const missing = (name: string, variable: string): string =>
  `${name} is not installed (set ${variable} to its path)`
