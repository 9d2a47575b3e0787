import {
  checkOptions,
  isInteger,
  isPresent,
  isText,
  type OptionRule,
  withDefaults,
} from '../check-options.js'
import { httpUrlFault } from '../http-url.js'

/** Who we are to the cluster: an API key as Kibana shows it (`encoded`), or a user. */
export type ElasticsearchAuth =
  | { readonly apiKey: string }
  | { readonly username: string; readonly password: string }

/** Settings of an `ElasticsearchOutput`. All sizes are in bytes, all times in milliseconds. */
export interface ElasticsearchOptions {
  /** Addresses of nodes, `https://es:9200`; a node that fails makes way for the next. Default `http://127.0.0.1:9200`. */
  readonly urls?: readonly string[]
  /** Data stream that takes records. Default `logs-logneo-default`. */
  readonly dataStream?: string
  /** Data stream that takes summaries of sessions. Default `logs-logneo.session-default`. */
  readonly sessionDataStream?: string
  readonly auth?: ElasticsearchAuth
  /** Certificates to trust instead of the usual ones, PEM. */
  readonly ca?: string
  /** Requests are kept below this before compression; a single larger document travels alone. Default 8 MiB. */
  readonly maxBulkBytes?: number
  /** Requests under way at the same time. Default 2. */
  readonly maxInFlight?: number
  /** Bytes accepted and not delivered from which on `deliver` waits. Default 64 MiB. */
  readonly maxQueueBytes?: number
  /** How long a request may take. Default 60,000. */
  readonly timeoutMs?: number
  /** Wait before the first retry; each further one doubles it. Default 500. */
  readonly retryMinMs?: number
  /** Longest wait between retries. Default 30,000. */
  readonly retryMaxMs?: number
  /** How long `close` waits for what is not delivered yet. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** Numbers from 0 to below 1, which spread retries; for tests. Default `Math.random`. */
  readonly random?: () => number
  /** The time in milliseconds, for records without one; for tests. Default `Date.now`. */
  readonly now?: () => number
}

export type ResolvedElasticsearchOptions = Required<Omit<ElasticsearchOptions, 'auth' | 'ca'>> &
  Pick<ElasticsearchOptions, 'auth' | 'ca'>

const MiB = 1024 * 1024

export const DEFAULT_ELASTICSEARCH_OPTIONS: ResolvedElasticsearchOptions = Object.freeze({
  urls: Object.freeze(['http://127.0.0.1:9200']),
  dataStream: 'logs-logneo-default',
  sessionDataStream: 'logs-logneo.session-default',
  maxBulkBytes: 8 * MiB,
  maxInFlight: 2,
  maxQueueBytes: 64 * MiB,
  timeoutMs: 60_000,
  retryMinMs: 500,
  retryMaxMs: 30_000,
  closeTimeoutMs: 10_000,
  warn: () => {},
  random: Math.random,
  now: Date.now,
})

/** Why a text cannot be the name of a data stream, if it cannot: the engines' own rules. */
export function dataStreamFault(name: string): string | undefined {
  const isAllowed =
    /^[^-_+.\s"*\\<|,>/?#:A-Z][^\s"*\\<|,>/?#:A-Z]*$/.test(name) && Buffer.byteLength(name) <= 255
  return isAllowed
    ? undefined
    : 'a data stream: lower case, at most 255 bytes, none of \\ / * ? " < > | , # : or spaces, not beginning with - _ + or .'
}

const milliseconds = isInteger(1, 2 ** 31 - 1)
const isDataStream: OptionRule = value => isText(value) ?? dataStreamFault(value as string)
const isUrls: OptionRule = value =>
  Array.isArray(value) && value.length > 0 && value.every(url => typeof url === 'string')
    ? value.map(httpUrlFault).find(fault => fault !== undefined)
    : 'a list of addresses'

const RULES = {
  urls: isUrls,
  dataStream: isDataStream,
  sessionDataStream: isDataStream,
  auth: isPresent,
  ca: isText,
  maxBulkBytes: isInteger(1024, 100 * MiB),
  maxInFlight: isInteger(1, 64),
  maxQueueBytes: isInteger(1),
  timeoutMs: milliseconds,
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  warn: isPresent,
  random: isPresent,
  now: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveElasticsearchOptions(given: ElasticsearchOptions): ResolvedElasticsearchOptions {
  const resolved = withDefaults(DEFAULT_ELASTICSEARCH_OPTIONS, given)
  const problems =
    resolved.retryMinMs > resolved.retryMaxMs
      ? ['elasticsearch.retryMinMs must not be over retryMaxMs: raise retryMaxMs or lower retryMinMs']
      : []
  checkOptions('elasticsearch', given, RULES, problems)
  return resolved
}

/** The header that says who we are. */
export function authorization(auth: ElasticsearchAuth | undefined): Record<string, string> {
  if (auth === undefined) return {}
  if ('apiKey' in auth) return { authorization: `ApiKey ${auth.apiKey}` }
  const credentials = Buffer.from(`${auth.username}:${auth.password}`).toString('base64')
  return { authorization: `Basic ${credentials}` }
}
