import { z } from 'zod'
import { checked, optional, settings, someInteger, text } from '../config-fields.js'
import { httpUrlFault } from '../http-url.js'
import {
  dataStreamFault,
  DEFAULT_ELASTICSEARCH_OPTIONS as defaults,
} from '../output/elasticsearch-options.js'
import { MAX_MS } from './limits.js'

const url = checked(httpUrlFault, 'Address of a node, such as https://es.example:9200.')

/** `output.elasticsearch` */
export const elasticsearch = settings({
  urls: optional(
    z
      .array(url, { error: 'a list of addresses, such as [https://es.example:9200]' })
      .min(1, { error: 'a list of at least one address' })
      .meta({ description: 'Addresses of nodes; one that fails makes way for the next.' }),
    [...defaults.urls],
  ),
  data_stream: optional(checked(dataStreamFault, 'Data stream that takes records.'), defaults.dataStream),
  session_data_stream: optional(
    checked(dataStreamFault, 'Data stream that takes summaries of sessions.'),
    defaults.sessionDataStream,
  ),
  api_key: optional(text('API key in its encoded form; best from the environment or a file.')),
  username: optional(text('User, instead of an API key.')),
  password: optional(text('Password of the user; best from the environment or a file.')),
  tls: optional(
    settings({ ca: text('PEM file of the certificates to trust instead of the usual ones.') }).meta({
      description: 'For addresses that begin with https.',
    }),
  ),
  max_bulk_bytes: optional(
    someInteger(1024, 100 * 2 ** 20, 'Requests are kept below this before compression.'),
    defaults.maxBulkBytes,
  ),
  max_in_flight: optional(someInteger(1, 64, 'Requests under way at the same time.'), defaults.maxInFlight),
  max_queue_bytes: optional(
    someInteger(1, 2 ** 40, 'Bytes not delivered from which on the inputs wait.'),
    defaults.maxQueueBytes,
  ),
  timeout_ms: optional(someInteger(1, MAX_MS, 'How long a request may take.'), defaults.timeoutMs),
  retry_min_ms: optional(someInteger(1, MAX_MS, 'Wait before the first retry.'), defaults.retryMinMs),
  retry_max_ms: optional(someInteger(1, MAX_MS, 'Longest wait between retries.'), defaults.retryMaxMs),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for what is not delivered.'),
    defaults.closeTimeoutMs,
  ),
}).meta({ description: 'To Elasticsearch or OpenSearch, as ECS documents into data streams.' })
