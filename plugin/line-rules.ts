import { z } from 'zod'
import { TRACE_NAMES } from './join/traces.js'
import { pausesSchema } from './pauses.js'

/** Longest span of time a rule may name: ten years. */
export const MAX_SECONDS = 10 * 365 * 86_400

const positiveSeconds = z.number().positive().max(MAX_SECONDS)
const pattern = z.string().min(1).max(4096)

/** How lines are assigned to sessions. */
export const sessionRuleSchema = z.discriminatedUnion('kind', [
  /** The first capture group of `pattern` in the line, or the whole match if it has no group. */
  z.strictObject({ kind: z.literal('regex'), pattern }),
  /** A field of the record, or of the line's header: a dotted path. */
  z.strictObject({ kind: z.literal('field'), path: z.string().min(1).max(1024) }),
  /** Spans of time, `stepSeconds` apart, of the whole log or of each value of `by`. Their ends are never scored. */
  z.strictObject({
    kind: z.literal('window'),
    seconds: positiveSeconds,
    stepSeconds: positiveSeconds,
    by: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('regex'), pattern }),
        z.strictObject({ kind: z.literal('field'), path: z.string().min(1).max(1024) }),
      ])
      .optional(),
  }),
])

export type SessionRule = z.infer<typeof sessionRuleSchema>

/** What a bundle remembers about reading lines, so that scoring needs to be told nothing again. */
export const lineRulesSchema = z.strictObject({
  /** Header format: a built-in name or the notation of the field. */
  format: z.string().min(1).max(4096),
  session: sessionRuleSchema,
  /** A session idle for this long has ended. */
  idleTimeoutSeconds: positiveSeconds,
  /** A line that matches ends its session. */
  endPattern: pattern.optional(),
  /** Lines that go on with the event before them are not lines of their own. */
  join: z.strictObject({ traces: z.array(z.enum(TRACE_NAMES)), start: pattern.optional() }).optional(),
  /** Pauses within sessions; missing where training lines had no times. */
  pauses: pausesSchema.optional(),
})

export type LineRules = z.infer<typeof lineRulesSchema>

/** Windows as in the published evaluations of BGL and Thunderbird, used when nobody says how sessions are told apart. */
export const DEFAULT_SESSION_RULE: SessionRule = { kind: 'window', seconds: 60, stepSeconds: 60 }

/** Where records keep their line when nobody says which field it is. */
export const LINE_FIELDS = ['message', 'log', 'MESSAGE', 'msg'] as const

/** The rule in words. */
export function describeSessionRule(rule: SessionRule): string {
  if (rule.kind === 'regex') return `told apart by ${rule.pattern}`
  if (rule.kind === 'field') return `told apart by field ${rule.path}`
  const { seconds, stepSeconds, by } = rule
  const each = by === undefined ? '' : `, ${describeSessionRule(by)}`
  return `windows of ${seconds} s${stepSeconds === seconds ? '' : `, a new one every ${stepSeconds} s`}${each}`
}
