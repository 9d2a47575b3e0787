import { z } from 'zod'
import type { Property } from '../../scorer/composition/findings.js'
import { BEGIN, END, UNKNOWN } from '../../scorer/vocabulary.js'
import type { Keys } from '../keys.js'

const templateId = z.string().min(1).max(256)

/**
 * Something odd about a session, in terms that outlive a model: ids of templates, where a model has tokens.
 *
 * Next to what a session is made of (see OddityKind) there is its order: `next`, a line of the template `key` after one of `other`, and `end`, the
 * session's end after a line of `other`; its values, `value`, in lines of `key`; and its times, `time`, of lines of `key`.
 */
export const odditySchema = z.object({
  kind: z.enum([
    'unseen',
    'present',
    'absent',
    'together',
    'order',
    'many',
    'few',
    'next',
    'end',
    'value',
    'time',
  ]),
  key: templateId,
  other: templateId.optional(),
  /** As of Property. */
  grade: z.number().int().optional(),
})

export type Oddity = z.infer<typeof odditySchema>

/** Stand where a template id could, for places in a session that have none. */
const SPECIAL: ReadonlyMap<number, string> = new Map([
  [BEGIN, '(begin)'],
  [END, '(end)'],
  [UNKNOWN, '(unknown)'],
])

/** The name by which oddities are the same. */
export function oddityName({ kind, key, other = '', grade = 0 }: Oddity): string {
  return `${kind} ${key} ${other} ${grade}`
}

/** Of what a session is made of. Two templates that are compared stand in the order of their ids, whichever came first. */
export function propertyOddity({ kind, token, other, grade }: Property, keys: Keys): Oddity {
  const key = idOf(token, keys)
  if (other === undefined) return { kind, key, ...(grade !== 0 && { grade }) }
  const second = idOf(other, keys)
  const isSwapped = (kind === 'together' || kind === 'order') && second < key
  const [first, last] = isSwapped ? [second, key] : [key, second]
  return { kind, key: first, other: last, ...(grade !== 0 && { grade: isSwapped ? -grade : grade }) }
}

/** A line, or the end, after another line. */
export function orderOddity(previous: number, token: number, keys: Keys): Oddity {
  return { kind: token === END ? 'end' : 'next', key: idOf(token, keys), other: idOf(previous, keys) }
}

/** The values of lines of a template, or when they come. */
export function habitOddity(detector: 'parameter' | 'time-gap', id: string): Oddity {
  return { kind: detector === 'parameter' ? 'value' : 'time', key: id }
}

/** A line of a template that came up after training. */
export function newTemplate(id: string): Oddity {
  return { kind: 'unseen', key: id }
}

function idOf(token: number, keys: Keys): string {
  return SPECIAL.get(token) ?? keys.vocabulary.key(token)!
}
