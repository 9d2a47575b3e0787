import { checkOptions, isBoolean, isInteger, isPresent, isText, withDefaults } from '../check-options.js'
import type { TlsServerFiles } from '../tls-files.js'

/** Settings of an `HttpInput`. All sizes are in bytes, all times in milliseconds. */
export interface HttpInputOptions {
  /** Address to listen on. Default `127.0.0.1`; `0.0.0.0` takes senders on other machines. */
  readonly host?: string
  /** TCP port; 0 takes a free one. Default 9880. */
  readonly port?: number
  /** What senders must know, as `Authorization: Bearer TOKEN`. Default: nothing is asked for. */
  readonly token?: string
  /** TLS, of version 1.2 or newer. Default: none. */
  readonly tls?: TlsServerFiles
  /** Tag of records sent to `/`. Default `raw.http`. */
  readonly tag?: string
  /** Header that may name the tag instead. Default `x-logneo-tag`. */
  readonly tagHeader?: string
  /** Whether the path may name the tag: `/raw.app`. Default true. */
  readonly tagFromPath?: boolean
  /** Fields that may hold a record's time, the first found counts; else it is the time of arrival. Default timestamp, `@timestamp`, time, date. */
  readonly timeFields?: readonly string[]
  /** Largest body as it comes. Default 16 MiB. */
  readonly maxBodyBytes?: number
  /** Largest body once it is decompressed. Default 64 MiB. */
  readonly maxChunkBytes?: number
  /** Most records in a body. Default 200,000. */
  readonly maxRecords?: number
  /** Bytes of bodies, as they came, that are arriving or with the handler; beyond it senders are asked to come again (429). Default 128 MiB. */
  readonly maxInFlightBytes?: number
  /** Connections held at a time; further ones are closed at once. Default 256. */
  readonly maxConnections?: number
  /** How long a request may take to arrive. Default 60,000. */
  readonly requestTimeoutMs?: number
  /** Quiet connections are closed after this. Default 120,000, longer than senders keep theirs. */
  readonly idleTimeoutMs?: number
  /** How long `close` waits for what is with the handler. Default 30,000. */
  readonly closeTimeoutMs?: number
  /** After how many seconds senders should come again. Default 1. */
  readonly retryAfterSeconds?: number
  /** Chunk ids remembered, so that a request sent again is answered and not handled again. Default 10,000. */
  readonly maxChunkIds?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
}

type WithoutDefault = 'token' | 'tls'

export type ResolvedHttpInputOptions = Required<Omit<HttpInputOptions, WithoutDefault>> &
  Pick<HttpInputOptions, WithoutDefault>

const MiB = 1024 * 1024

export const DEFAULT_HTTP_INPUT_OPTIONS: ResolvedHttpInputOptions = Object.freeze({
  host: '127.0.0.1',
  port: 9880,
  tag: 'raw.http',
  tagHeader: 'x-logneo-tag',
  tagFromPath: true,
  timeFields: Object.freeze(['timestamp', '@timestamp', 'time', 'date']),
  maxBodyBytes: 16 * MiB,
  maxChunkBytes: 64 * MiB,
  maxRecords: 200_000,
  maxInFlightBytes: 128 * MiB,
  maxConnections: 256,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  closeTimeoutMs: 30_000,
  retryAfterSeconds: 1,
  maxChunkIds: 10_000,
  warn: () => {},
  now: Date.now,
})

const bytes = isInteger(1, 2 ** 30)
const milliseconds = isInteger(1, 2 ** 31 - 1)

const RULES = {
  host: isText,
  port: isInteger(0, 65_535),
  // Its value is in no message.
  token: isPresent,
  tls: isPresent,
  tag: isText,
  tagHeader: isText,
  tagFromPath: isBoolean,
  timeFields: isPresent,
  maxBodyBytes: bytes,
  maxChunkBytes: bytes,
  maxRecords: isInteger(1, 2 ** 26),
  maxInFlightBytes: isInteger(1),
  maxConnections: isInteger(1),
  requestTimeoutMs: milliseconds,
  idleTimeoutMs: milliseconds,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  retryAfterSeconds: isInteger(0, 3600),
  maxChunkIds: isInteger(1),
  warn: isPresent,
  now: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveHttpInputOptions(given: HttpInputOptions): ResolvedHttpInputOptions {
  checkOptions('http', given, RULES)
  return withDefaults(DEFAULT_HTTP_INPUT_OPTIONS, given)
}
