import { z } from 'zod'
import { optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_DEAD_LETTER_OPTIONS } from '../dead-letter.js'
import { DEFAULT_SNAPSHOT_OPTIONS } from '../store/snapshot-store.js'

export const DEFAULT_METRICS_ADDRESS = { host: '127.0.0.1', port: 9464 } as const
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export const DEFAULT_LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info'

/** `dead_letter` */
export const deadLetter = settings({
  path: text('File that takes what cannot be processed; its folder is made when missing.'),
  max_bytes: optional(
    someInteger(1024, 2 ** 40, 'Size at which the file makes way for a new one.'),
    DEFAULT_DEAD_LETTER_OPTIONS.maxBytes,
  ),
})

/** `metrics` */
export const metrics = settings({
  host: optional(text('Address to listen on.'), DEFAULT_METRICS_ADDRESS.host),
  port: optional(someInteger(0, 65_535, 'TCP port; 0 takes a free one.'), DEFAULT_METRICS_ADDRESS.port),
}).meta({ description: 'HTTP: /healthz, /readyz, and /metrics for Prometheus. Left out: no endpoint.' })

/** `state` */
export const state = settings({
  path: text('Folder for what is adopted and which sessions were flagged last; made when missing.'),
  sessions: optional(
    yesOrNo('Whether open sessions are kept there, so that a stage that is started again goes on with them.'),
    false,
  ),
  sessions_seconds: optional(
    someInteger(1, 86_400, 'How often they are written.'),
    DEFAULT_SNAPSHOT_OPTIONS.everyMs / 1000,
  ),
}).meta({
  description: 'What is learnt while running. By default beside the model, where it is needed.',
})

/** `feedback` */
export const feedback = settings({
  token: text('What senders to POST /feedback must know; best taken from the environment or a file.').min(
    16,
    {
      error: 'a text of at least 16 characters',
    },
  ),
}).meta({ description: 'POST /feedback at the address of metrics: marks flagged sessions as normal.' })

/** `log` */
export const log = settings({
  level: optional(
    z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .meta({ description: 'Least severity of the messages on standard error.' }),
    DEFAULT_LOG_LEVEL,
  ),
})
