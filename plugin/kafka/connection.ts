import type { ConnectionOptions } from 'node:tls'
import type { Kafka, LogEntry, RetryOptions, SASLOptions } from 'kafkajs'
import { isInteger, isPresent, isText, type OptionRule } from '../check-options.js'
import { MIN_TLS_VERSION, readTlsFiles, type TlsClientFiles } from '../tls-files.js'
import { mendReadCommitted } from './read-committed.js'

/** How to reach a Kafka cluster. */
export interface KafkaConnectionOptions {
  /** Some of its brokers, each `host:port`; the others are learnt from them. */
  readonly brokers: readonly string[]
  /** Name in the brokers' logs and quotas. Default `logneo`. */
  readonly clientId?: string
  /** TLS, its files read whenever a connection's client is made, so that renewed certificates are taken up. Default: none. */
  readonly tls?: TlsClientFiles
  /** Who we are. Default: nobody. */
  readonly sasl?: KafkaSaslOptions
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number
}

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export interface KafkaSaslOptions {
  readonly mechanism: (typeof SASL_MECHANISMS)[number]
  readonly username: string
  readonly password: string
}

export type ResolvedKafkaConnectionOptions = Required<Omit<KafkaConnectionOptions, 'tls' | 'sasl'>> &
  Pick<KafkaConnectionOptions, 'tls' | 'sasl'>

export const DEFAULT_KAFKA_CONNECTION_OPTIONS = Object.freeze({
  clientId: 'logneo',
  connectTimeoutMs: 5000,
})

const isListOfTexts: OptionRule = value =>
  Array.isArray(value) && value.length > 0 && value.every(item => typeof item === 'string' && item !== '')
    ? undefined
    : 'a list of at least one text'

export const KAFKA_CONNECTION_RULES = {
  brokers: isListOfTexts,
  clientId: isText,
  tls: isPresent,
  sasl: isPresent,
  connectTimeoutMs: isInteger(1),
}

/** How often the library repeats a request before it says that it failed: some seconds, then whoever asked decides. */
const RETRY: RetryOptions = { initialRetryTime: 100, maxRetryTime: 1000, multiplier: 2, retries: 6 }

/**
 * A client of a cluster. Clients share nothing, not even what they believe of committed offsets. The library is loaded when it is first needed.
 *
 * @param warn takes what the library reports, a line each
 */
export async function makeKafka(
  options: ResolvedKafkaConnectionOptions,
  warn: (message: string) => void,
): Promise<Kafka> {
  const { Kafka, logLevel } = await import('kafkajs')
  mendReadCommitted()
  const { brokers, clientId, tls, sasl, connectTimeoutMs } = options
  const say = seldom(warn)
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectTimeoutMs,
    retry: RETRY,
    logLevel: logLevel.ERROR,
    logCreator: () => entry => say(describe(entry)),
    ...(tls && { ssl: tlsOptions(tls) }),
    ...(sasl && { sasl: sasl as SASLOptions }),
  })
}

function tlsOptions(files: TlsClientFiles): ConnectionOptions {
  const { serverName, verify } = files
  return {
    ...readTlsFiles('kafka.tls', files),
    minVersion: MIN_TLS_VERSION,
    ...(serverName !== undefined && { servername: serverName }),
    ...(verify !== undefined && { rejectUnauthorized: verify }),
  }
}

/** Answers that belong to ordinary life (a coordinator that moves, a group that regroups) are dealt with where they come and told nobody. */
const ORDINARY = /rebalanc|coordinator|concurrent operation|not the leader|no leader|old epoch/i

function describe({ namespace, log }: LogEntry): string | undefined {
  const error: unknown = log.error
  const detail = typeof error === 'string' ? error : error instanceof Error ? error.message : ''
  if (ORDINARY.test(detail) || ORDINARY.test(log.message)) return undefined
  return `kafka ${namespace}: ${log.message}${detail === '' ? '' : `: ${detail}`}`
}

/** Says the same at most once in this time, in milliseconds: while a broker is away the library repeats itself several times a second. */
const QUIET_MS = 30_000
const MAX_REMEMBERED = 100

function seldom(warn: (message: string) => void): (message: string | undefined) => void {
  const saidAt = new Map<string, number>()
  return message => {
    if (message === undefined) return
    const now = performance.now()
    if (now - (saidAt.get(message) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return
    if (saidAt.size >= MAX_REMEMBERED) saidAt.clear()
    saidAt.set(message, now)
    warn(message)
  }
}
