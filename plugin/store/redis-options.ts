import { ConfigError } from '../errors.js'
import type { TlsClientFiles } from '../tls-files.js'

/** What happens to chunks while Redis cannot be reached. */
export const WHEN_AWAY = ['wait', 'local'] as const
export type WhenAway = (typeof WHEN_AWAY)[number]

/** How sessions are shared by way of a Redis server. */
export interface RedisStoreOptions {
  /** `redis://[user[:password]@]host[:port][/database]`, `rediss://` for TLS, or the path of a Unix socket. */
  readonly url: string
  /** Name of the user, over that of the URL. */
  readonly username?: string | undefined
  /** Over that of the URL; best taken from the environment or a file. */
  readonly password?: string | undefined
  /** TLS beyond what `rediss://` says: paths of PEM files. Default: the system's authorities, no client certificate. */
  readonly tls?: Pick<TlsClientFiles, 'ca' | 'cert' | 'key'> | undefined
  /** Whether the URL names a node of a Redis Cluster. Default false. */
  readonly isCluster?: boolean
  /** Begins every key. Stages with the same prefix and the same model share their sessions. Default `logneo`. */
  readonly prefix?: string
  /**
   * `wait`: chunks wait, unacknowledged, until Redis is back. `local`: they are judged by sessions of this process, and marked. Default `wait`.
   */
  readonly whenAway?: WhenAway
  /** Silence after which Redis counts as away, in milliseconds. Default 2000. */
  readonly timeoutMs?: number
  /** Longest wait between attempts to reach it, in milliseconds. Default 1000. */
  readonly retryMaxMs?: number
  /** How long a chunk is recognised when it is sent again, in milliseconds. Default 10 minutes. */
  readonly rememberChunksMs?: number
  /** What is not touched for so long is dropped without a summary, in milliseconds: no replica ran. Default 1 day. */
  readonly expireMs?: number
  /** Lines taken together at most, from chunks that wait. Default 4000. */
  readonly maxBatchLines?: number
  /** Attempts at a batch whose sessions other replicas change meanwhile, before its chunks are given back. Default 20. */
  readonly maxConflicts?: number
}

export const DEFAULT_REDIS_STORE_OPTIONS = {
  username: undefined,
  password: undefined,
  tls: undefined,
  isCluster: false,
  prefix: 'logneo',
  whenAway: 'wait',
  timeoutMs: 2000,
  retryMaxMs: 1000,
  rememberChunksMs: 600_000,
  expireMs: 86_400_000,
  maxBatchLines: 4000,
  maxConflicts: 20,
} as const satisfies Required<Omit<RedisStoreOptions, 'url'>>

export type ResolvedRedisStoreOptions = Required<RedisStoreOptions>

/** What may begin keys: nothing that a cluster, or a pattern, takes for more than a name. */
export const PREFIX_PATTERN = /^[A-Za-z0-9_.:-]{1,64}$/

/** Options over the defaults, frozen. @throws ConfigError that lists every problem */
export function resolveRedisStoreOptions(options: RedisStoreOptions): ResolvedRedisStoreOptions {
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved = { ...DEFAULT_REDIS_STORE_OPTIONS, ...(set as unknown as RedisStoreOptions) }
  const problems = [...unknownNames(options), ...valueProblems(resolved)]
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(resolved)
}

function unknownNames(options: RedisStoreOptions): string[] {
  const names = ['url', ...Object.keys(DEFAULT_REDIS_STORE_OPTIONS)]
  return Object.keys(options)
    .filter(name => !names.includes(name))
    .map(name => `store.${name} is unknown: use one of ${names.join(', ')}`)
}

function valueProblems(options: ResolvedRedisStoreOptions): string[] {
  const problems: string[] = []
  if (!isRedisUrl(options.url))
    problems.push('store.url must be redis://HOST:PORT, rediss://HOST:PORT or the path of a socket')
  if (options.isCluster && options.url.startsWith('/'))
    problems.push('store.isCluster needs nodes to reach by TCP: give store.url as redis://HOST:PORT')
  if (!PREFIX_PATTERN.test(options.prefix))
    problems.push(`store.prefix must be 1 to 64 of A-Z a-z 0-9 _ . : -, got ${options.prefix}`)
  if (!WHEN_AWAY.includes(options.whenAway))
    problems.push(`store.whenAway must be one of ${WHEN_AWAY.join(', ')}, got ${options.whenAway}`)
  for (const name of [
    'timeoutMs',
    'retryMaxMs',
    'rememberChunksMs',
    'expireMs',
    'maxBatchLines',
    'maxConflicts',
  ] as const) {
    const value = options[name]
    if (!Number.isSafeInteger(value) || value < 1)
      problems.push(`store.${name} must be an integer >= 1, got ${value}`)
  }
  return problems
}

/** Whether a text names a Redis server. It is never shown: it may hold a password. */
export function isRedisUrl(text: string): boolean {
  if (text.startsWith('/')) return true
  const url = URL.canParse(text) ? new URL(text) : undefined
  return (url?.protocol === 'redis:' || url?.protocol === 'rediss:') && url.hostname !== ''
}
