import { z } from 'zod'
import { optional, settings, someInteger, someNumber, text } from '../config-fields.js'
import { DEFAULT_HISTORY_OPTIONS as defaults } from '../history/options.js'

const URL_FAULT = { error: 'an address such as postgres://user@host:5432/database' }

const postgres = settings({
  url: text('postgres://user:password@host:5432/database; best from the environment or a file.').refine(
    value => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol),
    URL_FAULT,
  ),
  tls: optional(
    settings({ ca: text('PEM file of the certificates to trust instead of the usual ones.') }).meta({
      description: 'Switches TLS on.',
    }),
  ),
})

/** `persist` */
export const persist = settings({
  postgres: optional(postgres.meta({ description: 'A server; without it an embedded database is used.' })),
  embedded: optional(
    settings({
      path: text('Folder of the embedded database; by default history in the state directory.'),
    }),
  ),
  retention_days: optional(
    someNumber({ above: 0, to: 36_500, what: 'days' }, 'How long rows are kept.'),
    defaults.retentionDays,
  ),
  archive: optional(text('Folder for older rows, as compressed JSON lines; by default they are deleted.')),
  sessions: optional(
    z
      .enum(['all', 'flagged'], { error: 'all or flagged' })
      .meta({ description: 'Whose summaries are kept.' }),
    defaults.sessions,
  ),
  max_queue_bytes: optional(
    someInteger(1, 2 ** 40, 'What may wait while the database is away; rows beyond are dropped.'),
    defaults.maxQueueBytes,
  ),
}).meta({ description: 'History of anomalies and session summaries, for logneo history and SQL.' })
