import { z } from 'zod'
import { oneOf, optional, settings, someInteger, someNumber, text } from '../config-fields.js'
import { DEFAULT_ROUTE_OPTIONS as routed, SEVERITIES } from '../route/options.js'

const rule = settings({
  severity: z
    .array(oneOf(SEVERITIES, 'A severity.'), { error: `a list of ${SEVERITIES.join(', ')}` })
    .min(1, { error: `a list of at least one of ${SEVERITIES.join(', ')}` })
    .meta({ description: 'Records of these severities; none are those without an anomaly.' }),
  sample: optional(
    someNumber(
      { from: 0, to: 1 },
      'Share of sessions whose records of these severities are kept; 0 drops all.',
    ),
    1,
  ),
  tag: optional(text('Comes into the outgoing tag, between tag_prefix and the incoming tag: urgent.')),
  to: optional(
    z
      .array(text('An output.'), { error: 'a list of outputs, such as [forward]' })
      .min(1, { error: 'a list of at least one output' })
      .meta({ description: 'Outputs that get them, by their names in this section; by default all.' }),
  ),
})

/** `output.route` */
export const route = settings({
  rules: z
    .array(rule, { error: 'a list of rules, each {severity, sample, tag, to}' })
    .min(1, { error: 'a list of at least one rule' })
    .meta({
      description:
        'The first rule that names a severity counts for it; others, and records not scored, go as ever.',
    }),
  context_before: optional(
    someInteger(
      0,
      10_000,
      'Records of a session before an anomaly that are kept although sampling left them out.',
    ),
    routed.contextBefore,
  ),
  context_after: optional(
    someInteger(0, 10_000, 'As context_before, after an anomaly.'),
    routed.contextAfter,
  ),
  max_context_bytes: optional(
    someInteger(0, 2 ** 40, 'Memory for records that may yet become context.'),
    routed.maxContextBytes,
  ),
}).meta({ description: 'Where records go by their verdicts. Left out: all of them to all outputs.' })
