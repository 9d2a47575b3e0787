import { z } from 'zod'
import { optional, settings, someInteger, someNumber, text, yesOrNo } from '../config-fields.js'
import {
  isRedisUrl,
  DEFAULT_REDIS_STORE_OPTIONS as own,
  PREFIX_PATTERN,
  WHEN_AWAY,
} from '../store/redis-options.js'
import { MAX_MS, MAX_SECONDS } from './limits.js'

const seconds = (description: string) =>
  someNumber({ from: 1, to: MAX_SECONDS, what: 'seconds' }, description)

/** `store` */
export const store = settings({
  kind: z.literal('redis', { error: 'redis' }).meta({ description: 'What sessions are shared by.' }),
  url: text('redis://HOST:PORT, rediss://HOST:PORT for TLS, or the path of a Unix socket.').refine(
    isRedisUrl,
    {
      error: 'redis://HOST:PORT, rediss://HOST:PORT or an absolute path',
    },
  ),
  username: optional(text('User, where the server has several.')),
  password: optional(text('Password; best taken from the environment or a file.')),
  tls: optional(
    settings({
      ca: optional(text('PEM file of the authorities that are trusted instead of those of the system.')),
      cert: optional(text('PEM file of the client certificate.')),
      key: optional(text('PEM file of its key.')),
    }).meta({ description: 'TLS, where rediss:// does not say enough.' }),
  ),
  cluster: optional(yesOrNo('Whether the server belongs to a Redis Cluster.'), own.isCluster),
  prefix: optional(
    text('Begins every key: stages with the same prefix and model share sessions.').regex(PREFIX_PATTERN, {
      error: '1 to 64 of A-Z a-z 0-9 _ . : -',
    }),
    own.prefix,
  ),
  when_away: optional(
    z.enum(WHEN_AWAY, { error: WHEN_AWAY.join(' or ') }).meta({
      description:
        'While Redis is away: chunks wait, or lines are judged by sessions of this process and marked.',
    }),
    own.whenAway,
  ),
  timeout_ms: optional(someInteger(1, MAX_MS, 'Silence after which Redis counts as away.'), own.timeoutMs),
  retry_max_ms: optional(someInteger(1, MAX_MS, 'Longest wait between attempts.'), own.retryMaxMs),
  remember_chunks_seconds: optional(
    seconds('How long a chunk is recognised when it is sent again.'),
    own.rememberChunksMs / 1000,
  ),
  expire_seconds: optional(
    seconds('Sessions not touched for so long are dropped: no replica was there to close them.'),
    own.expireMs / 1000,
  ),
  max_batch_lines: optional(
    someInteger(1, 1e6, 'Lines of waiting chunks taken together.'),
    own.maxBatchLines,
  ),
  max_conflicts: optional(
    someInteger(
      1,
      1e6,
      'Attempts at a batch whose sessions other replicas change, before its chunks are given back.',
    ),
    own.maxConflicts,
  ),
}).meta({ description: 'Sessions shared by several stages, in Redis. Left out: each stage has its own.' })
