import { z } from 'zod'

/*
 * Kinds of values in the config file. The error of each is the end of a sentence, "must be ...", and its description is what editors show.
 */

const MAX_TEXT_LENGTH = 4096

export const text = (description: string) =>
  z
    .string({ error: 'a text' })
    .min(1, { error: 'a text that is not empty' })
    .max(MAX_TEXT_LENGTH, { error: `a text of at most ${MAX_TEXT_LENGTH} characters` })
    .meta({ description })

/** A text that a check finds no fault with. */
export const checked = (fault: (value: string) => string | undefined, description: string) =>
  text(description).superRefine((value, context) => {
    const message = fault(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

export const yesOrNo = (description: string) => z.boolean({ error: 'true or false' }).meta({ description })

export const oneOf = <T extends string>(names: readonly T[], description: string) =>
  z.enum(names, { error: `one of ${names.join(', ')}` }).meta({ description })

export function someInteger(min: number, max: number, description: string) {
  const error = `an integer from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error }).meta({ description })
}

/** Bounds of a number: `from` and `to` belong to it, `above` and `below` do not. */
interface Bounds {
  readonly from?: number
  readonly above?: number
  readonly to?: number
  readonly below?: number
  /** Unit. */
  readonly what?: string
}

export function someNumber({ from, above, to, below, what }: Bounds, description: string) {
  const lower = above === undefined ? `>= ${from}` : `above ${above}`
  const upper = below === undefined ? `at most ${to}` : `below ${below}`
  const error = `a number ${what === undefined ? '' : `of ${what} `}${lower} and ${upper}`
  let number = z.number({ error })
  if (from !== undefined) number = number.gte(from, { error })
  if (above !== undefined) number = number.gt(above, { error })
  if (to !== undefined) number = number.lte(to, { error })
  if (below !== undefined) number = number.lt(below, { error })
  return number.meta({ description })
}

/** A map in which every name must be known. */
export function settings<S extends z.core.$ZodLooseShape>(shape: S) {
  const [first, second, third, ...others] = Object.keys(shape)
  const names = [first, second, third, others.length > 0 ? '...' : undefined].filter(Boolean).join(', ')
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? undefined : `a map of settings (${names})`),
  })
}

/** A setting that may be left out. The default stands in the JSON Schema only: whoever uses the setting owns it. */
export function optional<T extends z.ZodType>(schema: T, documentedDefault?: unknown): z.ZodExactOptional<T> {
  const documented =
    documentedDefault === undefined ? schema : schema.meta({ ...schema.meta(), default: documentedDefault })
  return documented.exactOptional() as z.ZodExactOptional<T>
}
