import { z } from 'zod'
import { optional, settings, text } from '../config-fields.js'
import { LINE_FIELDS } from '../line-rules.js'

const LINE_FIELD = {
  error: 'the name of a field, such as message, or a list of names of which the first found counts',
}

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
})
