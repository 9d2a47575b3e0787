import type { z } from 'zod'
import { LATER_SETTINGS } from './config-schema.js'
import { type FilledIn, pathKey } from './config-secrets.js'
import { type SettingPath, valueAt } from './config-source.js'
import { isSecretSetting } from './secret-settings.js'

/** Something wrong with a setting. */
export interface Problem {
  readonly path: SettingPath
  /** A sentence without its line. */
  readonly text: string
}

/** `input.files.paths[2]` */
export function settingName(path: SettingPath): string {
  const name = path.reduce<string>(
    (before, part) =>
      typeof part === 'number' ? `${before}[${part}]` : `${before}${before && '.'}${String(part)}`,
    '',
  )
  return name === '' ? 'the config' : name
}

/**
 * What the schema found, in words.
 *
 * @param filled what the file says; no secret, and nothing that was filled in, is shown
 * @param namesAt the names that a map of settings knows
 */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  filled: FilledIn,
  namesAt: (path: SettingPath) => readonly string[],
): Problem[] {
  return issues.flatMap(issue => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(key => unknownSetting([...issue.path, key], namesAt(issue.path)))
    const { path, message } = issue
    const isMissing = valueAt(filled.data, path) === undefined
    // A text in place of a map or list may well be the secret that belongs into it.
    const isPlain = issue.code !== 'invalid_type' || !['object', 'array'].includes(issue.expected)
    const text = isMissing
      ? `is missing: it must be ${message}`
      : `must be ${message}, ${shown(filled, path, isPlain)}`
    return [{ path, text: `${settingName(path)} ${text}` }]
  })
}

function unknownSetting(path: SettingPath, known: readonly string[]): Problem {
  const name = settingName(path)
  if (LATER_SETTINGS.includes(name))
    return { path, text: `${name} is not available in this version: remove it` }
  const close = nearest(String(path.at(-1)), known)
  const advice = close === undefined ? `use one of ${known.join(', ')}` : `did you mean ${close}?`
  return { path, text: `${name} is unknown: ${advice}` }
}

const MAX_SHOWN = 80

/** What a wrong setting is, as far as anybody may know. */
function shown({ data, written }: FilledIn, path: SettingPath, mayShowText: boolean): string {
  if (isSecretSetting(path)) return 'and is not'
  const value = written.get(pathKey(path)) ?? valueAt(data, path)
  if (value === null) return 'got nothing'
  // There may be secrets in them.
  if (typeof value === 'object') return `got ${Array.isArray(value) ? listName(value) : 'a map'}`
  if (typeof value === 'string' && !mayShowText) return 'got a text'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `got ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text}`
}

const listName = ({ length }: readonly unknown[]): string => (length === 0 ? '[]' : 'a list')

/** The known name that most likely was meant, if one is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name)
  const limit = Math.max(1, Math.floor(wanted.length / 3))
  let best: { name: string; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(wanted, plain(candidate))
    if (distance <= limit && (best === undefined || distance < best.distance))
      best = { name: candidate, distance }
  }
  return best?.name
}

/** `maxFrameBytes`, `max-frame-bytes` and `max_frame_bytes` are the same to a person. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Letters to insert, delete, replace or swap with the next (Damerau and Levenshtein, each place edited once). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1))
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
