import type { Counters } from '../chunk.js'
import type { Engine } from '../engine.js'
import { ConfigError } from '../errors.js'
import type { LineRules } from '../line-rules.js'
import { LocalStore } from './local-store.js'
import { RedisClient } from './redis-client.js'
import { type RedisStoreOptions, resolveRedisStoreOptions } from './redis-options.js'
import { RedisStore } from './redis-store.js'
import type { SessionStore } from './session-store.js'
import { type SnapshotOptions, SnapshotStore } from './snapshot-store.js'

/** What a store is opened with, beside its own options. */
export interface StoreSurroundings {
  readonly engine: Engine
  readonly rules: LineRules
  readonly maxSessions: number
  readonly disorderMs: number
  readonly now: () => number
  readonly counters: Counters
  readonly warn: (message: string) => void
  /** Where sessions of this process outlive it, if they do. */
  readonly snapshot?: SnapshotOptions | undefined
}

/** The store that options ask for: Redis, or without any this process. @throws ConfigError */
export async function openStore(
  store: RedisStoreOptions | undefined,
  surroundings: StoreSurroundings,
): Promise<SessionStore> {
  const { engine, rules, counters, warn, snapshot, ...limits } = surroundings
  if (store === undefined && snapshot !== undefined)
    return SnapshotStore.open(engine, snapshot, limits.now(), warn)
  if (store === undefined) return new LocalStore(engine)
  const options = resolveRedisStoreOptions(store)
  const { patienceMs } = engine.tracker
  if (options.expireMs <= patienceMs)
    throw new ConfigError([
      `store.expireMs (${options.expireMs}) drops sessions before they can end: raise it above the ${patienceMs} ms of silence that end a session`,
    ])
  const client = await RedisClient.open(options, warn)
  const tracker = { ...limits, rules, begin: () => engine.begin() }
  return new RedisStore({ engine, client, options, tracker, counters, warn })
}
