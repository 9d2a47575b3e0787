import { optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import {
  MAX_RECEIVED_FRAME_BYTES,
  DEFAULT_FORWARD_OUTPUT_OPTIONS as sender,
} from '../output/forward-options.js'
import { MAX_MS } from './limits.js'
import { tlsClient } from './tls.js'

/** `output.forward` */
export const forwardOutput = settings({
  host: optional(text('Address of the receiver.'), sender.host),
  port: optional(someInteger(1, 65_535, 'TCP port of the receiver.'), sender.port),
  path: optional(text('Unix socket of the receiver instead of TCP.')),
  shared_key: optional(text('Key that the receiver asks for; best taken from the environment or a file.')),
  username: optional(text('User that we prove to be, where the receiver asks for one.')),
  password: optional(text("That user's password.")),
  self_hostname: optional(text("Our name in the handshake. Default: the host's and -logneo.")),
  tls: optional(tlsClient),
  require_ack: optional(
    yesOrNo('Whether a chunk counts as delivered only when the receiver acknowledged it.'),
    sender.requireAck,
  ),
  emit_metadata: optional(
    yesOrNo(
      'Whether entries keep the metadata that Fluent Bit gave them: only Fluent Bit takes it, Fluentd and Vector do not.',
    ),
    sender.emitMetadata,
  ),
  max_frame_bytes: optional(
    someInteger(4096, MAX_RECEIVED_FRAME_BYTES, 'Frames are kept below this.'),
    sender.maxFrameBytes,
  ),
  max_queue_bytes: optional(
    someInteger(1, 2 ** 40, 'Bytes not delivered from which on the inputs wait.'),
    sender.maxQueueBytes,
  ),
  max_in_flight_frames: optional(
    someInteger(1, 1e6, 'Frames under way at the same time.'),
    sender.maxInFlightFrames,
  ),
  ack_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long acks may stay away before all is sent again.'),
    sender.ackTimeoutMs,
  ),
  connect_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long connecting may take.'),
    sender.connectTimeoutMs,
  ),
  retry_min_ms: optional(someInteger(1, MAX_MS, 'Wait before the first retry.'), sender.retryMinMs),
  retry_max_ms: optional(someInteger(1, MAX_MS, 'Longest wait between retries.'), sender.retryMaxMs),
  max_retries: optional(
    someInteger(0, 1e9, 'Failures in a row after which what waits is given up; by default nothing ever is.'),
  ),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for what is not delivered.'),
    sender.closeTimeoutMs,
  ),
}).meta({ description: 'To Fluent Bit, Fluentd or Vector, by Fluent Forward. Sizes in bytes, times in ms.' })
