import { z } from 'zod'
import { optional, settings, someInteger, text } from '../config-fields.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS as server } from '../input/forward-options.js'
import { MAX_MS } from './limits.js'
import { tlsServer } from './tls.js'

/** `input.forward` */
export const forwardInput = settings({
  host: optional(text('Address to listen on; 0.0.0.0 takes senders on other machines.'), server.host),
  port: optional(someInteger(0, 65_535, 'TCP port; 0 takes a free one.'), server.port),
  path: optional(text('Unix socket to listen on instead of TCP.')),
  shared_key: optional(
    text('Key that senders must prove to know; best taken from the environment or a file.'),
  ),
  users: optional(
    z
      .array(settings({ username: text('A name.'), password: text('Its password.') }), {
        error: 'a list of users, each {username, password}',
      })
      .min(1, { error: 'a list of at least one user' })
      .meta({ description: 'Users of whom senders must prove to be one; needs shared_key.' }),
  ),
  self_hostname: optional(text("Our name in the handshake. Default: the host's and -logneo.")),
  tls: optional(tlsServer),
  handshake_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long a sender may take to prove itself.'),
    server.handshakeTimeoutMs,
  ),
  max_connections: optional(someInteger(1, 1e6, 'Connections held at a time.'), server.maxConnections),
  max_frame_bytes: optional(someInteger(1, 2 ** 30, 'Largest frame.'), server.maxFrameBytes),
  max_chunk_bytes: optional(someInteger(1, 2 ** 30, 'Largest decompressed chunk.'), server.maxChunkBytes),
  max_chunk_entries: optional(someInteger(1, 2 ** 26, 'Most records in a chunk.'), server.maxChunkEntries),
  max_in_flight_bytes: optional(
    someInteger(1, 2 ** 40, 'Bytes of one connection under way before reading it stops.'),
    server.maxInFlightBytes,
  ),
  max_in_flight_chunks: optional(
    someInteger(1, 1e6, 'Chunks of one connection under way before reading it stops.'),
    server.maxInFlightChunks,
  ),
  max_total_in_flight_bytes: optional(
    someInteger(1, 2 ** 40, 'As max_in_flight_bytes, for all connections together.'),
    server.maxTotalInFlightBytes,
  ),
  max_total_partial_bytes: optional(
    someInteger(1, 2 ** 40, 'Memory for frames still arriving, all connections together.'),
    server.maxTotalPartialBytes,
  ),
  partial_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long a frame may take to arrive.'),
    server.partialTimeoutMs,
  ),
  idle_timeout_ms: optional(
    someInteger(0, MAX_MS, 'Quiet connections are closed after this; 0 never.'),
    server.idleTimeoutMs,
  ),
  linger_ms: optional(
    someInteger(1, MAX_MS, 'How long a closing connection may take for its last acks.'),
    server.lingerMs,
  ),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for chunks under way.'),
    server.closeTimeoutMs,
  ),
  max_chunk_ids: optional(
    someInteger(1, 1e7, 'Chunk ids remembered, so that a chunk sent twice changes nothing.'),
    server.maxChunkIds,
  ),
}).meta({ description: 'Fluent Forward, as Fluent Bit and Fluentd send it. Sizes in bytes, times in ms.' })
