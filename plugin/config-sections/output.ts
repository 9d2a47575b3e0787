import { optional, settings, text } from '../config-fields.js'
import { elasticsearch } from './elasticsearch.js'
import { forwardOutput } from './forward-output.js'
import { kafkaOutput } from './kafka.js'
import { route } from './route.js'

/** Put before the tags of outgoing records where nothing else is set. */
export const DEFAULT_TAG_PREFIX = 'scored.'

/** `output`: where tagged records go. */
export const output = settings({
  forward: optional(forwardOutput),
  elasticsearch: optional(elasticsearch),
  ndjson: optional(
    settings({ path: text('A file to append to, or - for standard output.') }).meta({
      description: 'JSON lines with tag, time and the record.',
    }),
  ),
  kafka: optional(kafkaOutput),
  route: optional(route),
  tag_prefix: optional(
    text('Outgoing tags are this before the incoming tag; incoming tags that begin so are refused.'),
    DEFAULT_TAG_PREFIX,
  ),
}).meta({
  description: 'Where tagged records go: at least one of forward, elasticsearch, ndjson, kafka.',
  minProperties: 1,
})
