import { checkOptions, isInteger, isPresent, isText, withDefaults } from '../check-options.js'
import type { DeadLetter } from '../dead-letter.js'
import { defaultSelfHostname } from '../forward-auth.js'
import type { TlsServerFiles } from '../tls-files.js'
import type { Handshake } from './forward-handshake.js'

/** Who may send. */
export interface ForwardUser {
  readonly username: string
  readonly password: string
}

/** Settings of a `ForwardServer`. All sizes are in bytes, all times in milliseconds. */
export interface ForwardServerOptions {
  /** Address to listen on. Default `127.0.0.1`; `0.0.0.0` takes senders on other machines. */
  readonly host?: string
  /** TCP port; 0 takes a free one. Default 24224. */
  readonly port?: number
  /** Unix socket to listen on instead of TCP. */
  readonly path?: string
  /** Connections held at a time; further ones are closed at once. Default 1,024. */
  readonly maxConnections?: number
  /** Largest frame. Default 64 MiB; Fluent Bit's largest are about 2 MB. */
  readonly maxFrameBytes?: number
  /** Largest chunk once it is decompressed. Default 64 MiB. */
  readonly maxChunkBytes?: number
  /** Most entries in a chunk; each takes 16 bytes beside its own. Default 1,000,000. */
  readonly maxChunkEntries?: number
  /** Bytes of one connection that the handler may be busy with before reading stops. Default 16 MiB. */
  readonly maxInFlightBytes?: number
  /** Chunks of one connection that the handler may be busy with before reading stops. Default 1,024. */
  readonly maxInFlightChunks?: number
  /** As `maxInFlightBytes`, for all connections together. Default 128 MiB. */
  readonly maxTotalInFlightBytes?: number
  /** Memory for frames still arriving, all connections together; past it the connection with most is closed. Default 256 MiB. */
  readonly maxTotalPartialBytes?: number
  /** A frame that is not complete after this time closes its connection. Default 60,000. */
  readonly partialTimeoutMs?: number
  /** A connection on which nothing happens for this time is closed; 0 never. Default 600,000. */
  readonly idleTimeoutMs?: number
  /** How long a connection being closed may take to fetch its last acks. Default 2,000. */
  readonly lingerMs?: number
  /** How long `close` waits for chunks that the handler is busy with. Default 30,000. */
  readonly closeTimeoutMs?: number
  /** Finished chunk ids remembered, so that a chunk sent again is acknowledged and not handled again. Default 10,000. */
  readonly maxChunkIds?: number
  /**
   * Chunks whose tag starts so are our own output come back: they are acknowledged, counted and dropped, as a loop
   * multiplies records. Default `scored.`; the empty text turns the check off.
   */
  readonly ownTagPrefix?: string
  /** Where chunks go that cannot be decoded. Default: they are counted and dropped. */
  readonly deadLetter?: DeadLetter
  /** Key that senders must prove to know before their chunks are taken. Default: none is asked for. */
  readonly sharedKey?: string
  /** Users of whom senders must prove to be one; needs `sharedKey`. Default: the key suffices. */
  readonly users?: readonly ForwardUser[]
  /** Our name in the handshake. Default: the host's name and `-logneo`. */
  readonly selfHostname?: string
  /** TLS, of version 1.2 or newer. Default: none. */
  readonly tls?: TlsServerFiles
  /** How long a connection may take to prove itself, TLS and handshake each. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** What a connection must do before its chunks are taken, instead of proving a shared key. Default: nothing. */
  readonly handshake?: Handshake
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
}

type WithoutDefault = 'path' | 'deadLetter' | 'handshake' | 'sharedKey' | 'tls'

export type ResolvedForwardServerOptions = Required<Omit<ForwardServerOptions, WithoutDefault>> &
  Pick<ForwardServerOptions, WithoutDefault>

const MiB = 1024 * 1024

export const DEFAULT_FORWARD_SERVER_OPTIONS: ResolvedForwardServerOptions = Object.freeze({
  host: '127.0.0.1',
  port: 24224,
  maxConnections: 1024,
  maxFrameBytes: 64 * MiB,
  maxChunkBytes: 64 * MiB,
  maxChunkEntries: 1_000_000,
  maxInFlightBytes: 16 * MiB,
  maxInFlightChunks: 1024,
  maxTotalInFlightBytes: 128 * MiB,
  maxTotalPartialBytes: 256 * MiB,
  partialTimeoutMs: 60_000,
  idleTimeoutMs: 600_000,
  lingerMs: 2000,
  closeTimeoutMs: 30_000,
  maxChunkIds: 10_000,
  ownTagPrefix: 'scored.',
  users: Object.freeze([]),
  selfHostname: defaultSelfHostname(),
  handshakeTimeoutMs: 10_000,
  warn: () => {},
  now: Date.now,
})

const bytes = isInteger(1, 2 ** 30)
const milliseconds = isInteger(1)

const RULES = {
  host: isText,
  port: isInteger(0, 65_535),
  path: isText,
  maxConnections: isInteger(1),
  maxFrameBytes: bytes,
  maxChunkBytes: bytes,
  maxChunkEntries: isInteger(1, 2 ** 26),
  maxInFlightBytes: isInteger(1),
  maxInFlightChunks: isInteger(1),
  maxTotalInFlightBytes: isInteger(1),
  maxTotalPartialBytes: isInteger(1),
  partialTimeoutMs: milliseconds,
  idleTimeoutMs: isInteger(0),
  lingerMs: milliseconds,
  closeTimeoutMs: isInteger(0),
  maxChunkIds: isInteger(1),
  ownTagPrefix: isText,
  deadLetter: isPresent,
  sharedKey: isText,
  users: isPresent,
  selfHostname: isText,
  tls: isPresent,
  handshakeTimeoutMs: milliseconds,
  handshake: isPresent,
  warn: isPresent,
  now: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveForwardServerOptions(given: ForwardServerOptions): ResolvedForwardServerOptions {
  const problems: string[] = []
  if (given.path !== undefined && (given.host !== undefined || given.port !== undefined))
    problems.push(
      'forward.path cannot be set together with host or port: start a second input for the other address',
    )
  if ((given.users?.length ?? 0) > 0 && given.sharedKey === undefined)
    problems.push('forward.users needs forward.sharedKey, as the handshake proves both: set a key')
  checkOptions('forward', given, RULES, problems)
  return withDefaults(DEFAULT_FORWARD_SERVER_OPTIONS, given)
}
