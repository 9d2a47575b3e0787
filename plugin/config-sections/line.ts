import { z } from 'zod'
import { oneOf, optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_JOIN_OPTIONS as joined } from '../join/options.js'
import { TRACE_NAMES } from '../join/traces.js'
import { LINE_FIELDS } from '../line-rules.js'

const LINE_FIELD = {
  error: 'the name of a field, such as message, or a list of names of which the first found counts',
}

const join = settings({
  partial: optional(
    yesOrNo('Whether pieces of lines that a container runtime broke (CRI, Docker) are put together.'),
    joined.partial,
  ),
  traces: optional(
    z
      .array(oneOf(TRACE_NAMES, 'A language.'), { error: `a list of ${TRACE_NAMES.join(', ')}` })
      .meta({ description: 'Languages whose traces belong to the line before them.' }),
    [...joined.traces],
  ),
  start: optional(
    text(
      'A pattern, instead of traces: an event begins with each line that matches, all others go on with it.',
    ),
  ),
  stream_fields: optional(
    z
      .array(text('A field.'), { error: 'a list of fields, such as [stream, container_id]' })
      .meta({ description: 'Fields that, beside the tag, tell programs apart: dotted paths.' }),
    [...joined.streamFields],
  ),
  max_lines: optional(someInteger(1, 1e6, 'Lines that may belong to one event.'), joined.maxLines),
  max_length: optional(
    someInteger(1, 2 ** 24, 'Characters of a line put together from pieces that are looked at.'),
    joined.maxLength,
  ),
  timeout_ms: optional(
    someInteger(
      1,
      60_000,
      'How long pieces of a line wait for its last one; their chunk is not acknowledged before.',
    ),
    joined.timeoutMs,
  ),
  max_streams: optional(someInteger(1, 1e7, 'Programs whose latest line is remembered.'), joined.maxStreams),
}).meta({
  description:
    'Lines that belong together are judged as one, by the first; {} for the defaults. Off without it.',
})

/** `line`: where in a record the line is, and how it begins. */
export const line = settings({
  field: optional(
    z
      .union([text('A field.'), z.array(text('A field.')).min(1, LINE_FIELD)], LINE_FIELD)
      .meta({ description: 'Record field that holds the line; of several the first found counts.' }),
    [...LINE_FIELDS],
  ),
  format: optional(
    text("Header of the lines, a name or the notation '<Date> <Time> <Content>'; by default the model's."),
  ),
  join: optional(join),
})
