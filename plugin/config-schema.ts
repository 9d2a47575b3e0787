import { z } from 'zod'
import { DETECTOR_NAMES } from '../scorer/detectors/detector.js'
import { DEFAULT_JUDGE_OPTIONS } from '../scorer/judge.js'
import { PRECISIONS } from '../scorer/model/precision.js'
import { PROVIDERS } from '../scorer/provider.js'
import { DEFAULT_SCORER_OPTIONS } from '../scorer/scorer.js'
import { DEFAULT_RECURRENCE_OPTIONS } from './adopt/recurrence.js'
import { oneOf, optional, settings, someInteger, someNumber, text, yesOrNo } from './config-fields.js'
import { DEFAULT_DEAD_LETTER_OPTIONS } from './dead-letter.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS } from './input/forward-options.js'
import { DEFAULT_LEARNER_OPTIONS } from './learn/options.js'
import { LINE_FIELDS } from './line-rules.js'
import { DEFAULT_FORWARD_OUTPUT_OPTIONS, MAX_RECEIVED_FRAME_BYTES } from './output/forward-options.js'

/** Sections of later versions: they are not accepted silently, and the message says why. */
export const LATER_SETTINGS: readonly string[] = [
  'store',
  'persist',
  'alerts',
  'dashboard',
  'input.http',
  'input.kafka',
  'input.files.follow',
  'input.forward.shared_key',
  'input.forward.tls',
  'output.forward.shared_key',
  'output.forward.tls',
  'output.elasticsearch',
  'output.kafka',
  'output.http',
]

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export const DEFAULT_TAG_PREFIX = 'scored.'
export const DEFAULT_METRICS_ADDRESS = { host: '127.0.0.1', port: 9464 } as const
export const DEFAULT_LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info'

const MIB = 2 ** 20
const MAX_MS = 2 ** 31 - 1
const MAX_SECONDS = 10 * 365 * 86_400
const DEFAULT_MAX_SESSIONS = 100_000

const server = DEFAULT_FORWARD_SERVER_OPTIONS
const sender = DEFAULT_FORWARD_OUTPUT_OPTIONS

const learner = DEFAULT_LEARNER_OPTIONS

const learn = settings({
  enabled: optional(
    yesOrNo('Whether, with nothing at path, one is learnt from the stream; else that is an error.'),
    true,
  ),
  sessions: optional(someInteger(20, 1e6, 'Sessions that must have closed first.'), learner.sessions),
  new_templates: optional(
    someInteger(0, 1e6, 'Templates that may have come up in the last third of them only.'),
    learner.newTemplates,
  ),
  buffer_mb: optional(
    someInteger(1, 1e6, 'Memory for sessions to train on, in MiB.'),
    learner.bufferBytes / MIB,
  ),
}).meta({ description: 'Learning a first model from the stream, and the buffer of sessions for it.' })

const retrain = settings({
  on_drift: optional(
    yesOrNo('Whether a new model is trained when the log has moved from what this one learnt.'),
    learner.onDrift,
  ),
  every_hours: optional(
    someNumber({ above: 0, to: 87_600, what: 'hours' }, 'A new model is trained every so often.'),
  ),
}).meta({ description: 'Training in the background on the latest sessions that were not flagged.' })

const model = settings({
  path: text('Folder of the model, or where one that is learnt goes; relative to this file.'),
  precision: optional(
    oneOf(PRECISIONS, 'Number format of its matrices: int8 is for the CPU, float16 for GPUs.'),
    DEFAULT_SCORER_OPTIONS.precision,
  ),
  provider: optional(
    oneOf(PROVIDERS, 'What runs it; all but cpu need a GPU and libraries: see logneo doctor.'),
    DEFAULT_SCORER_OPTIONS.provider,
  ),
  device_id: optional(
    someInteger(0, 255, 'Which of several GPUs, counted from 0.'),
    DEFAULT_SCORER_OPTIONS.deviceId,
  ),
  threads: optional(someInteger(1, 1024, 'CPU threads that run it.'), DEFAULT_SCORER_OPTIONS.threads),
  learn: optional(learn),
  retrain: optional(retrain),
})

const forwardInput = settings({
  host: optional(text('Address to listen on; 0.0.0.0 takes senders on other machines.'), server.host),
  port: optional(someInteger(0, 65_535, 'TCP port; 0 takes a free one.'), server.port),
  path: optional(text('Unix socket to listen on instead of TCP.')),
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

const tag = (whose: string) =>
  text(`Tag of the records from ${whose}; the outputs put their prefix before it.`)

const input = settings({
  forward: optional(forwardInput),
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
}).meta({ description: 'Where records come from: at least one of forward, files, stdin.', minProperties: 1 })

const LINE_FIELD = {
  error: 'the name of a field, such as message, or a list of names of which the first found counts',
}

const line = settings({
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

const groupBy = {
  regex: optional(text('A pattern: its first group in the line, else the whole match, is the id.')),
  field: optional(text('A field of the record or of the header: a dotted path.')),
}

const seconds = (description: string) =>
  someNumber({ above: 0, to: MAX_SECONDS, what: 'seconds' }, description)

const session = settings({
  ...groupBy,
  window: optional(
    settings({
      seconds: seconds('Length of a window.'),
      step: optional(
        seconds('A window begins every so many seconds; by default each begins where one ends.'),
      ),
      by: optional(settings(groupBy).meta({ description: 'Windows of each value by itself.' })),
    }),
  ),
  idle_timeout_seconds: optional(seconds('A session quiet for so long has ended.')),
  end: optional(text('A pattern: a line that matches ends its session.')),
  max_sessions: optional(
    someInteger(1, 1e8, 'Sessions held at most; the least recently touched makes room.'),
    DEFAULT_MAX_SESSIONS,
  ),
  disorder_seconds: optional(
    someNumber({ from: 0, to: MAX_SECONDS, what: 'seconds' }, 'How far lines may come out of order.'),
    0,
  ),
}).meta({ description: 'What tells sessions apart. By default the rule the model was trained with.' })

const recurrence = DEFAULT_RECURRENCE_OPTIONS

const adopt = settings({
  enabled: yesOrNo('Whether what keeps coming back in flagged sessions is taken as normal.'),
  sessions: optional(someInteger(2, 1e6, 'Flagged sessions that must show it.'), recurrence.sessions),
  share: optional(
    someNumber({ above: 0, below: 1 }, 'Share of the sessions since the first that must show it.'),
    recurrence.share,
  ),
  minutes: optional(
    someNumber(
      { from: 0, to: MAX_SECONDS, what: 'minutes' },
      'What they must be spread over where their severity is medium or high.',
    ),
    recurrence.minutes,
  ),
}).meta({ description: 'Adoption of what keeps coming back; needs a state directory.' })

const TOP_K = { error: 'auto, adaptive, an integer >= 1, or a share of the keys above 0 and below 1' }

const detect = settings({
  false_alarm_rate: optional(
    someNumber({ above: 0, below: 1 }, 'Sessions flagged per normal session.'),
    DEFAULT_JUDGE_OPTIONS.falseAlarmRate,
  ),
  detectors: optional(
    z
      .array(z.enum(DETECTOR_NAMES, { error: `one of ${DETECTOR_NAMES.join(', ')}` }), {
        error: `a list of detectors: ${DETECTOR_NAMES.join(', ')}`,
      })
      .min(1, { error: `a list of at least one of ${DETECTOR_NAMES.join(', ')}` })
      .meta({ description: 'Which detectors decide.' }),
    [...DEFAULT_JUDGE_OPTIONS.detectors],
  ),
  top_k: optional(
    z
      .union(
        [z.literal(['auto', 'adaptive']), z.int().min(1, TOP_K), z.number().gt(0, TOP_K).lt(1, TOP_K)],
        TOP_K,
      )
      .meta({
        description:
          'K of the detector top-k: auto, adaptive, a number, or a share of the keys such as 0.45.',
      }),
    'auto',
  ),
  fields: optional(
    z
      .enum(['minimal', 'full'], { error: 'minimal or full' })
      .meta({ description: 'Fields that ordinary records carry; anomalies carry all.' }),
    'full',
  ),
  adopt: optional(adopt),
  session_summaries: optional(yesOrNo('Whether each closed session sends a record of its own.'), true),
})

const scorer = settings({
  cache_mb: optional(
    someInteger(1, 1e6, 'Memory for remembered prefixes of sessions, in MiB.'),
    DEFAULT_SCORER_OPTIONS.cacheBytes / MIB,
  ),
})

const forwardOutput = settings({
  host: optional(text('Address of the receiver.'), sender.host),
  port: optional(someInteger(1, 65_535, 'TCP port of the receiver.'), sender.port),
  path: optional(text('Unix socket of the receiver instead of TCP.')),
  require_ack: optional(
    yesOrNo('Whether a chunk counts as delivered only when the receiver acknowledged it.'),
    sender.requireAck,
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

const output = settings({
  forward: optional(forwardOutput),
  ndjson: optional(
    settings({ path: text('A file to append to, or - for standard output.') }).meta({
      description: 'JSON lines with tag, time and the record.',
    }),
  ),
  tag_prefix: optional(
    text('Outgoing tags are this before the incoming tag; incoming tags that begin so are refused.'),
    DEFAULT_TAG_PREFIX,
  ),
}).meta({ description: 'Where tagged records go: at least one of forward, ndjson.', minProperties: 1 })

/** The config file as it is written: names in snake_case, before paths are resolved. */
export const configFileSchema = settings({
  model,
  input,
  line: optional(line),
  session: optional(session),
  detect: optional(detect),
  scorer: optional(scorer),
  output,
  dead_letter: optional(
    settings({
      path: text('File that takes what cannot be processed; its folder is made when missing.'),
      max_bytes: optional(
        someInteger(1024, 2 ** 40, 'Size at which the file makes way for a new one.'),
        DEFAULT_DEAD_LETTER_OPTIONS.maxBytes,
      ),
    }),
  ),
  metrics: optional(
    settings({
      host: optional(text('Address to listen on.'), DEFAULT_METRICS_ADDRESS.host),
      port: optional(someInteger(0, 65_535, 'TCP port; 0 takes a free one.'), DEFAULT_METRICS_ADDRESS.port),
    }).meta({ description: 'HTTP: /healthz, /readyz, and /metrics for Prometheus. Left out: no endpoint.' }),
  ),
  state: optional(
    settings({
      path: text('Folder for what is adopted and which sessions were flagged last; made when missing.'),
    }).meta({
      description: 'What is learnt while running. By default beside the model, where it is needed.',
    }),
  ),
  feedback: optional(
    settings({
      token: text('What senders to POST /feedback must know; best taken from the environment or a file.').min(
        16,
        {
          error: 'a text of at least 16 characters',
        },
      ),
    }).meta({ description: 'POST /feedback at the address of metrics: marks flagged sessions as normal.' }),
  ),
  log: optional(
    settings({
      level: optional(
        z
          .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
          .meta({ description: 'Least severity of the messages on standard error.' }),
        DEFAULT_LOG_LEVEL,
      ),
    }),
  ),
})

export type ConfigFile = z.infer<typeof configFileSchema>
