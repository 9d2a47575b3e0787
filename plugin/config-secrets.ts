import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SettingPath } from './config-source.js'

/** The environment: values by name. */
export type Environment = Readonly<Record<string, string | undefined>>

const MAX_SECRET_BYTES = 65_536
/** `$${` stands for `${` itself. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g
const VARIABLE = /^[A-Za-z_]\w*$/
const FILE_PREFIX = 'file:'

export interface FilledIn {
  readonly data: unknown
  /** What stood in the file instead of the values that were filled in, by `pathKey`: messages show this and no secret. */
  readonly written: ReadonlyMap<string, string>
  readonly problems: readonly { readonly path: SettingPath; readonly text: string }[]
}

/** A path as the key of a map. */
export const pathKey = (path: SettingPath): string => JSON.stringify(path.map(String))

/** Fills in `${NAME}` from the environment and `${file:path}` from files, in every text. @param folder for relative paths */
export function fillIn(data: unknown, environment: Environment, folder: string): FilledIn {
  const written = new Map<string, string>()
  const problems: { path: SettingPath; text: string }[] = []

  const fillText = (text: string, path: SettingPath): string => {
    if (!text.includes('${')) return text
    written.set(pathKey(path), text)
    return text.replace(REFERENCE, (whole: string, name: string | undefined) => {
      if (name === undefined) return '${'
      const found = lookUp(name, whole, environment, folder)
      if (found.value === undefined) problems.push({ path, text: found.problem })
      return found.value ?? ''
    })
  }
  const fill = (value: unknown, path: SettingPath): unknown => {
    if (typeof value === 'string') return fillText(value, path)
    if (Array.isArray(value)) return value.map((item, i) => fill(item, [...path, i]))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, fill(item, [...path, name])]),
    )
  }
  return { data: fill(data, []), written, problems }
}

type Found = { readonly value: string } | { readonly value?: undefined; readonly problem: string }

function lookUp(name: string, whole: string, environment: Environment, folder: string): Found {
  if (!whole.endsWith('}'))
    return { problem: `holds \${ without }: close it, or write $\${ for the characters themselves` }
  if (name.startsWith(FILE_PREFIX)) return readSecret(resolve(folder, name.slice(FILE_PREFIX.length)))
  if (!VARIABLE.test(name)) {
    return {
      problem: `holds ${whole}, which names no variable: write \${NAME} or \${file:PATH}, or $\${ for the characters themselves`,
    }
  }
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined
  return value === undefined
    ? { problem: `needs the environment variable ${name}, which is not set: set it` }
    : { value }
}

/** A file's text without the line ends at its end. */
function readSecret(path: string): Found {
  try {
    if (statSync(path).size > MAX_SECRET_BYTES) {
      return {
        problem: `needs the file ${path}, which has more than ${MAX_SECRET_BYTES} bytes: is it the right file?`,
      }
    }
    return { value: readFileSync(path, 'utf8').replace(/[\r\n]+$/, '') }
  } catch (error) {
    return {
      problem: `needs the file ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code}): create it or mend the path`,
    }
  }
}
