import { z } from 'zod'
import { optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_HTTP_INPUT_OPTIONS as http } from '../input/http-options.js'
import { MAX_MS } from './limits.js'
import { tlsServer } from './tls.js'

const TOKEN = { error: 'a text of at least 16 characters' }

/** `input.http` */
export const httpInput = settings({
  host: optional(text('Address to listen on; 0.0.0.0 takes senders on other machines.'), http.host),
  port: optional(someInteger(0, 65_535, 'TCP port; 0 takes a free one.'), http.port),
  token: optional(
    text('What senders must know (Authorization: Bearer); best taken from the environment or a file.').min(
      16,
      TOKEN,
    ),
  ),
  tls: optional(tlsServer),
  tag: optional(text('Tag of records sent to /.'), http.tag),
  tag_header: optional(text('Header that may name the tag instead.'), http.tagHeader),
  tag_from_path: optional(yesOrNo('Whether the path may name the tag: POST /raw.app.'), http.tagFromPath),
  time_fields: optional(
    z
      .array(text('A field.'), { error: 'a list of fields, such as [timestamp]' })
      .meta({ description: "Fields that may hold a record's time; of several the first found counts." }),
    [...http.timeFields],
  ),
  max_body_bytes: optional(someInteger(1, 2 ** 30, 'Largest body as it comes.'), http.maxBodyBytes),
  max_chunk_bytes: optional(someInteger(1, 2 ** 30, 'Largest decompressed body.'), http.maxChunkBytes),
  max_records: optional(someInteger(1, 2 ** 26, 'Most records in a body.'), http.maxRecords),
  max_in_flight_bytes: optional(
    someInteger(1, 2 ** 40, 'Bytes under way beyond which senders are asked to come again.'),
    http.maxInFlightBytes,
  ),
  max_connections: optional(someInteger(1, 1e6, 'Connections held at a time.'), http.maxConnections),
  request_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long a request may take to arrive.'),
    http.requestTimeoutMs,
  ),
  idle_timeout_ms: optional(
    someInteger(1, MAX_MS, 'Quiet connections are closed after this.'),
    http.idleTimeoutMs,
  ),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for requests under way.'),
    http.closeTimeoutMs,
  ),
  retry_after_seconds: optional(
    someInteger(0, 3600, 'After how long senders that were put off should come again.'),
    http.retryAfterSeconds,
  ),
  max_chunk_ids: optional(
    someInteger(1, 1e7, 'Idempotency keys remembered, so that a request sent twice changes nothing.'),
    http.maxChunkIds,
  ),
}).meta({
  description: "JSON, lines or msgpack by POST, as Vector's http sink sends it. Sizes in bytes, times in ms.",
})
