import { z } from 'zod'
import { optional, settings, text } from '../config-fields.js'
import { forwardInput } from './forward-input.js'
import { httpInput } from './http-input.js'

const tag = (whose: string) =>
  text(`Tag of the records from ${whose}; the outputs put their prefix before it.`)

/** `input`: where records come from. */
export const input = settings({
  forward: optional(forwardInput),
  http: optional(httpInput),
  files: optional(
    settings({
      paths: z
        .array(text('A file.'), { error: 'a list of files, such as [app.log, old.log.gz]' })
        .min(1, { error: 'a list of at least one file' })
        .meta({ description: 'Files, plain or gzip, one record a line; read once, from beginning to end.' }),
      tag: text('Tag of their records; the outputs put their prefix before it.'),
    }),
  ),
  stdin: optional(settings({ tag: tag('standard input') })),
}).meta({
  description: 'Where records come from: at least one of forward, http, files, stdin.',
  minProperties: 1,
})
