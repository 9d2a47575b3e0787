import {
  checkOptions,
  isBoolean,
  isInteger,
  isPresent,
  isText,
  type OptionRule,
  withDefaults,
} from '../check-options.js'
import { defaultSelfHostname } from '../forward-auth.js'
import type { TlsClientFiles } from '../tls-files.js'

/** Fluent Bit closes the connection on frames over this many bytes. */
export const MAX_RECEIVED_FRAME_BYTES = 6_144_000

/** Settings of a `ForwardOutput`. All sizes are in bytes, all times in milliseconds. */
export interface ForwardOutputOptions {
  /** Address of the receiver. Default `127.0.0.1`. */
  readonly host?: string
  /** TCP port of the receiver. Default 24224. */
  readonly port?: number
  /** Unix socket of the receiver instead of TCP. */
  readonly path?: string
  /** Key that we and the receiver prove to each other to know. Default: none; receivers that ask for one are given up on. */
  readonly sharedKey?: string
  /** User that we prove to be to receivers that ask for one; needs `sharedKey`. */
  readonly username?: string
  /** That user's password. */
  readonly password?: string
  /** Our name in the handshake. Default: the host's name and `-logneo`. */
  readonly selfHostname?: string
  /** TLS, of version 1.2 or newer. Default: none. */
  readonly tls?: TlsClientFiles
  /** Whether a chunk counts as delivered only when the receiver acknowledged it, else when it is written. Default true. */
  readonly requireAck?: boolean
  /** Whether a stage leaves entries their metadata, `[[time, metadata], record]`: Fluent Bit takes it, Fluentd and Vector do not. Default false. */
  readonly emitMetadata?: boolean
  /**
   * Frames are kept below this; a single larger record travels alone in its frame. Default 4 MiB, at most 6,144,000, which
   * is the most that Fluent Bit takes.
   */
  readonly maxFrameBytes?: number
  /** Bytes accepted and not delivered from which on `send` waits. Default 64 MiB. */
  readonly maxQueueBytes?: number
  /** Frames on their way at the same time. Default 256. */
  readonly maxInFlightFrames?: number
  /** How long no ack may come while some are due before everything unacknowledged is sent again on a new connection. Default 60,000. */
  readonly ackTimeoutMs?: number
  /** How long connecting may take. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Wait before the first retry; each further one doubles it. Default 200. */
  readonly retryMinMs?: number
  /** Longest wait between retries: a receiver that is back is found so much later at the most. Default 5,000. */
  readonly retryMaxMs?: number
  /**
   * Failures in a row, with no ack between them, after which all that waits is given up. Default none: nothing is lost while the
   * receiver is away, and `send` waits once the queue is full.
   */
  readonly maxRetries?: number
  /** How long `close` waits for what is not delivered yet. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** Numbers from 0 to below 1, which spread retries; for tests. Default `Math.random`. */
  readonly random?: () => number
  /** Runs an action after some milliseconds unless what it returns is called before; for tests. Default `setTimeout`. */
  readonly schedule?: (action: () => void, delayMs: number) => () => void
}

type WithoutDefault = 'path' | 'sharedKey' | 'username' | 'password' | 'tls'

export type ResolvedForwardOutputOptions = Required<Omit<ForwardOutputOptions, WithoutDefault>> &
  Pick<ForwardOutputOptions, WithoutDefault>

const MiB = 1024 * 1024

function schedule(action: () => void, delayMs: number): () => void {
  const timer = setTimeout(action, delayMs)
  return () => clearTimeout(timer)
}

export const DEFAULT_FORWARD_OUTPUT_OPTIONS: ResolvedForwardOutputOptions = Object.freeze({
  host: '127.0.0.1',
  port: 24224,
  selfHostname: defaultSelfHostname(),
  requireAck: true,
  emitMetadata: false,
  maxFrameBytes: 4 * MiB,
  maxQueueBytes: 64 * MiB,
  maxInFlightFrames: 256,
  ackTimeoutMs: 60_000,
  connectTimeoutMs: 10_000,
  retryMinMs: 200,
  retryMaxMs: 5000,
  maxRetries: Number.POSITIVE_INFINITY,
  closeTimeoutMs: 10_000,
  warn: () => {},
  random: Math.random,
  schedule,
})

const milliseconds = isInteger(1, 2 ** 31 - 1)
const isRetries: OptionRule = value => (value === Number.POSITIVE_INFINITY ? undefined : isInteger(0)(value))

const RULES = {
  host: isText,
  port: isInteger(1, 65_535),
  path: isText,
  sharedKey: isText,
  username: isText,
  password: isText,
  selfHostname: isText,
  tls: isPresent,
  requireAck: isBoolean,
  emitMetadata: isBoolean,
  maxFrameBytes: isInteger(4096, MAX_RECEIVED_FRAME_BYTES),
  maxQueueBytes: isInteger(1),
  maxInFlightFrames: isInteger(1),
  ackTimeoutMs: milliseconds,
  connectTimeoutMs: milliseconds,
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  maxRetries: isRetries,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  warn: isPresent,
  random: isPresent,
  schedule: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveForwardOutputOptions(given: ForwardOutputOptions): ResolvedForwardOutputOptions {
  const resolved = withDefaults(DEFAULT_FORWARD_OUTPUT_OPTIONS, given)
  const problems: string[] = []
  if (given.path !== undefined && (given.host !== undefined || given.port !== undefined)) {
    problems.push('forwardOutput.path cannot be set together with host or port: set one of the two')
  }
  if (resolved.retryMinMs > resolved.retryMaxMs) {
    problems.push(
      'forwardOutput.retryMinMs must not be over retryMaxMs: raise retryMaxMs or lower retryMinMs',
    )
  }
  if ((given.username === undefined) !== (given.password === undefined))
    problems.push('forwardOutput has only one of username and password: give both')
  if (given.username !== undefined && given.sharedKey === undefined)
    problems.push('forwardOutput.username needs sharedKey, as the handshake proves both: set the key')
  checkOptions('forwardOutput', given, RULES, problems)
  return resolved
}
