import { optional, settings, text } from '../config-fields.js'
import { filesInput } from './files-input.js'
import { forwardInput } from './forward-input.js'
import { httpInput } from './http-input.js'
import { kafkaInput } from './kafka.js'

const tag = (whose: string) =>
  text(`Tag of the records from ${whose}; the outputs put their prefix before it.`)

/** `input`: where records come from. */
export const input = settings({
  forward: optional(forwardInput),
  http: optional(httpInput),
  files: optional(filesInput),
  stdin: optional(settings({ tag: tag('standard input') })),
  kafka: optional(kafkaInput),
})
  .meta({
    description: 'Where records come from: at least one of forward, files, stdin, kafka.',
  })
  .meta({
    description: 'Where records come from: at least one of forward, http, files, stdin.',
    minProperties: 1,
  })
