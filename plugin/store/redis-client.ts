import type { Cluster, Redis } from 'ioredis'
import { MIN_TLS_VERSION, readTlsFiles } from '../tls-files.js'
import { StoreError } from './errors.js'
import { connectorOf } from './redis-connector.js'
import type { ResolvedRedisStoreOptions } from './redis-options.js'
import type { Script } from './redis-scripts.js'

/** An argument of a command. */
export type RedisArgument = string | Buffer | number

const RETRY_MIN_MS = 50

/**
 * A connection to Redis that comes back by itself. Commands fail at once while it is away: nothing piles up here. Only this file knows the client
 * library, which is loaded when a stage wants Redis.
 */
export class RedisClient {
  readonly #redis: Redis | Cluster

  private constructor(redis: Redis | Cluster) {
    this.#redis = redis
  }

  /** Resolves when the server answered, or at the latest after the timeout: it may also come later. @throws ConfigError */
  static async open(
    options: ResolvedRedisStoreOptions,
    warn: (message: string) => void,
  ): Promise<RedisClient> {
    const redis = await connect(options)
    redis.on('error', (error: Error) => warn(`Redis: ${describe(error)}`))
    const client = new RedisClient(redis)
    await client.#ready(options.timeoutMs)
    return client
  }

  /** Whether a command has a chance. */
  get isReady(): boolean {
    return this.#redis.status === 'ready'
  }

  /** Runs a script. @throws StoreError */
  async run(
    { sha1, text }: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    try {
      return await this.#redis.callBuffer('evalsha', [sha1, keys.length, ...keys, ...args])
    } catch (error) {
      if (!isMissing(error)) throw this.#failure(error)
    }
    return this.call('eval', text, keys.length, ...keys, ...args)
  }

  /** Runs a command; texts come back as bytes. @throws StoreError */
  async call(command: string, ...args: RedisArgument[]): Promise<unknown> {
    try {
      return await this.#redis.callBuffer(command, args)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Ends the connection at once, whatever it waits for. */
  close(): void {
    this.#redis.disconnect()
  }

  /** A server that is silent is left: what it has not answered must not hold up what comes. */
  #failure(error: unknown): StoreError {
    const message = describe(error)
    if (/timed out/i.test(message)) this.#redis.disconnect(true)
    return new StoreError(`Redis: ${message}`, { cause: error })
  }

  async #ready(timeoutMs: number): Promise<void> {
    if (this.isReady) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#redis.once('ready', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

async function connect(options: ResolvedRedisStoreOptions): Promise<Redis | Cluster> {
  const ioredis = await import('ioredis')
  const { Cluster, Redis } = ioredis
  const { url, username, password, tls, isCluster, timeoutMs, retryMaxMs } = options
  const retryStrategy = (times: number): number =>
    Math.min(retryMaxMs, RETRY_MIN_MS * 2 ** Math.min(times, 20))
  const common = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: { ...readTlsFiles('store.tls', tls), minVersion: MIN_TLS_VERSION } }),
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectionName: 'logneo',
    Connector: connectorOf(ioredis),
    // Servers before version 6 know no other.
    protocol: 2,
  } as const
  if (!isCluster) return new Redis(url, { ...common, retryStrategy })
  return new Cluster([url], {
    redisOptions: { ...ofUrl(url), ...common },
    clusterRetryStrategy: retryStrategy,
    enableOfflineQueue: false,
  })
}

/** What the other nodes of a cluster need to know of the URL of the first one. */
function ofUrl(url: string): { tls?: object; username?: string; password?: string } {
  const { protocol, username, password } = new URL(url)
  return {
    ...(protocol === 'rediss:' && { tls: {} }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
