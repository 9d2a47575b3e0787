import { ConfigError } from './errors.js'

/** Says what a value must be, or nothing when it is that. */
export type OptionRule = (value: unknown) => string | undefined

export const isInteger =
  (min: number, max = Number.MAX_SAFE_INTEGER): OptionRule =>
  value =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `an integer ${max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `from ${min} to ${max}`}`

export const isText: OptionRule = value => (typeof value === 'string' ? undefined : 'a text')
export const isBoolean: OptionRule = value => (typeof value === 'boolean' ? undefined : 'true or false')
export const isPresent: OptionRule = () => undefined

/**
 * Holds every given option against its rule; options left out or undefined keep their default and are not looked at.
 *
 * @param scope what the options configure, the first part of each name in messages
 * @param extra problems found by rules that look at several options
 * @throws ConfigError that lists every problem
 */
export function checkOptions(
  scope: string,
  given: object,
  rules: Readonly<Record<string, OptionRule>>,
  extra: readonly string[] = [],
): void {
  const problems: string[] = []
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    const wanted = rule?.(value)
    if (rule === undefined) {
      problems.push(`${scope}.${name} is unknown: use one of ${Object.keys(rules).join(', ')}`)
    } else if (wanted !== undefined) {
      problems.push(`${scope}.${name} must be ${wanted}, got ${show(value)}`)
    }
  }
  problems.push(...extra)
  if (problems.length > 0) throw new ConfigError(problems)
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

/** `defaults` with the given options over them; an undefined option counts as left out. */
export function withDefaults<T extends object>(
  defaults: T,
  given: Partial<Record<keyof T, unknown>>,
): Readonly<T> {
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.freeze({ ...defaults, ...Object.fromEntries(set) })
}
