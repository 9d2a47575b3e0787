import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { ConfigError } from './errors.js'

const MAX_LENGTH = 2 ** 20
/** How often aliases may multiply what they stand for. */
const MAX_ALIASES = 50
const MAX_DEPTH = 16

/** Names of maps and places in lists, from the top of the file. */
export type SettingPath = readonly PropertyKey[]

/** A config file's text as data, with the way back from each setting to its line. */
export interface ConfigSource {
  readonly data: unknown
  /** The line, from 1, where a setting stands, or the innermost map around it that the file has. */
  lineOf(path: SettingPath): number
}

/** Reads YAML 1.2 without tags of its own. @throws ConfigError that lists every place that is no YAML */
export function readSource(text: string): ConfigSource {
  if (text.length > MAX_LENGTH) {
    throw new ConfigError([
      `the config has ${text.length} characters, and ${MAX_LENGTH} are allowed: is this the right file?`,
    ])
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    throw new ConfigError(
      faults.map(
        ({ message, pos }) =>
          `${withoutText(message)}: correct the YAML (line ${lines.linePos(pos[0]).line})`,
      ),
    )
  }
  return { data: toData(document), lineOf: path => lineOf(document, lines, path) }
}

/** What the parser says without what it shows of the file, which may be a secret: a password that begins with `!` is a tag to it. */
const withoutText = (message: string): string => message.split(':', 1)[0]!

function toData(document: Document): unknown {
  let data: unknown
  try {
    data = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`${withoutText(reason)}: write out what the aliases (*name) stand for`])
  }
  if (isDeeper(data, MAX_DEPTH)) {
    throw new ConfigError([`settings are nested more than ${MAX_DEPTH} deep: remove what is not a setting`])
  }
  return data
}

/** Also true of aliases to what they are in. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some(item => isDeeper(item, depth - 1))
}

/** What is at a path of plain data. */
export function valueAt(data: unknown, path: SettingPath): unknown {
  let value = data
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<PropertyKey, unknown>)[name]
  }
  return value
}

function lineOf(document: Document, lines: LineCounter, path: SettingPath): number {
  let node: unknown = document.contents
  let offset = 0
  for (const name of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
      if (pair === undefined) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(name)]
      offset = startOf(node) ?? offset
    }
  }
  return lines.linePos(offset).line
}

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined)
