/*
 * What travels between a plugin and a sidecar: maps in msgpack, each a frame (see frames.ts). docs/sidecar.md is the specification for those who
 * write another client. Requests pipeline; a reply carries the id of its request, and replies may come in another order than the requests.
 */

/** Version of the protocol, raised when an older peer would misunderstand. */
export const PROTOCOL_VERSION = 1

/** Expected tokens that a request may want for each event. */
export const MAX_EXPECTED = 16

export interface HelloRequest {
  readonly id: number
  readonly op: 'hello'
  readonly protocol: number
  /** Name and version of the client, for logs. */
  readonly client?: string
  /** Id of the bundle that the client works with. A sidecar that finds it on disk loads it. */
  readonly bundle?: string
  /** Shared secret, where the sidecar wants one. */
  readonly token?: string
}

export interface HelloReply {
  readonly id: number
  readonly protocol: number
  readonly server: string
  /** Id of the bundle that answers. */
  readonly bundle: string
  readonly vocabularySize: number
  readonly contextLength: number
  /** Most events of a request. */
  readonly maxEvents: number
  /** Largest frame, in bytes without its length. */
  readonly maxFrameBytes: number
}

export interface ScoreRequest {
  readonly id: number
  readonly op: 'score'
  /** Id of the bundle whose tokens these are; where it is left out, that of whatever model is loaded. */
  readonly bundle?: string
  /** For each event, the token ids before it: at least one, at most the context. */
  readonly prefixes: readonly (readonly number[])[]
  /** For each event, its own token id. */
  readonly observed: readonly number[]
  /** Likeliest tokens wanted for each event. Default 0. */
  readonly top?: number
}

/** Lists in the order of the request's events. */
export interface ScoreReply {
  readonly id: number
  readonly bundle: string
  /** -ln of the observed token's probability. */
  readonly surprise: readonly number[]
  /** How many tokens are likelier. */
  readonly rank: readonly number[]
  /** -ln of the probability of the observed token and all no likelier. */
  readonly rarity: readonly number[]
  /** The likeliest tokens, best first. */
  readonly expected: readonly (readonly number[])[]
  /** Their probabilities. */
  readonly probability: readonly (readonly number[])[]
}

export interface StatsRequest {
  readonly id: number
  readonly op: 'stats'
}

export interface StatsReply extends ServerCounts {
  readonly id: number
  readonly bundle: string
  readonly uptimeSeconds: number
  readonly connections: number
  /** Events that wait or are being computed. */
  readonly pendingEvents: number
  /** Prefixes remembered. */
  readonly prefixes: number
}

/** What a sidecar has done since it started. */
export interface ServerCounts {
  readonly requests: number
  readonly events: number
  readonly batches: number
  readonly errors: number
  readonly reloads: number
}

/** Why a request was not answered. */
export const ERROR_CODES = [
  'bad_frame',
  'bad_request',
  'unknown_op',
  'wrong_protocol',
  'unauthorized',
  'wrong_bundle',
  'overloaded',
  'scoring_failed',
  'stopping',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Those for which the same request may succeed later. */
const RETRIABLE: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'scoring_failed',
  'stopping',
  'wrong_bundle',
])

export interface ErrorReply {
  /** Nil where the request's own could not be read. */
  readonly id: number | null
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly retriable: boolean }
}

/** Sent to all connections when another model has taken over; it carries no id. */
export interface BundleNotice {
  readonly op: 'bundle'
  readonly bundle: string
}

export type Request = HelloRequest | ScoreRequest | StatsRequest

/** A request that is not understood, and as much of it as a reply needs. */
export interface BadRequest {
  readonly id: number | null
  readonly code: ErrorCode
  readonly message: string
}

export function errorReply(id: number | null, code: ErrorCode, message: string): ErrorReply {
  return { id, error: { code, message, retriable: RETRIABLE.has(code) } }
}

/** Bounds of the numbers in a request. */
export interface RequestLimits {
  readonly maxEvents: number
  readonly maxTextLength: number
}

type Fields = Readonly<Record<string, unknown>>

/** Checks the shape of a request; whether its tokens exist is for the model to say (see `tokenFault`). */
export function parseRequest(message: unknown, limits: RequestLimits): Request | BadRequest {
  if (!isMap(message)) return { id: null, code: 'bad_request', message: 'a request must be a map' }
  const { id, op } = message
  if (!isId(id)) return { id: null, code: 'bad_request', message: 'id must be an integer from 0 to 2^53 - 1' }
  const fault = faultOf(op, message, limits)
  if (fault === undefined) return message as unknown as Request
  const isUnknown = fault === UNKNOWN_OP
  return { id, code: isUnknown ? 'unknown_op' : 'bad_request', message: fault }
}

export const isBad = (request: Request | BadRequest): request is BadRequest => 'code' in request

const UNKNOWN_OP = 'op must be one of hello, score, stats'

function faultOf(op: unknown, fields: Fields, limits: RequestLimits): string | undefined {
  if (op === 'hello') return helloFault(fields, limits)
  if (op === 'score') return scoreFault(fields, limits)
  return op === 'stats' ? undefined : UNKNOWN_OP
}

function helloFault(fields: Fields, { maxTextLength }: RequestLimits): string | undefined {
  const { protocol } = fields
  if (!Number.isSafeInteger(protocol)) return 'protocol must be an integer: the version of the protocol'
  for (const name of ['client', 'bundle', 'token'])
    if (!isTextOrNone(fields[name], maxTextLength))
      return `${name} must be a text of at most ${maxTextLength} characters`
  return undefined
}

function scoreFault(fields: Fields, { maxEvents, maxTextLength }: RequestLimits): string | undefined {
  const { prefixes, observed, top, bundle } = fields
  if (!isTextOrNone(bundle, maxTextLength))
    return `bundle must be a text of at most ${maxTextLength} characters`
  if (!Array.isArray(prefixes) || !Array.isArray(observed)) return 'prefixes and observed must be lists'
  if (prefixes.length !== observed.length) return 'prefixes and observed must be of the same length'
  if (prefixes.length > maxEvents) return `a request may hold ${maxEvents} events, not ${prefixes.length}`
  if (!prefixes.every(prefix => Array.isArray(prefix) && prefix.length > 0))
    return 'each prefix must be a list of at least one token'
  const isTopRight =
    top === undefined || (Number.isInteger(top) && (top as number) >= 0 && (top as number) <= MAX_EXPECTED)
  return isTopRight ? undefined : `top must be an integer from 0 to ${MAX_EXPECTED}`
}

/** What is wrong with the tokens of a request for a model; undefined if nothing is. */
export function tokenFault(
  { prefixes, observed }: Pick<ScoreRequest, 'prefixes' | 'observed'>,
  { vocabularySize, contextLength }: { readonly vocabularySize: number; readonly contextLength: number },
): string | undefined {
  const isToken = (token: number): boolean => Number.isInteger(token) && token >= 0 && token < vocabularySize
  if (!observed.every(isToken) || !prefixes.every(prefix => prefix.every(isToken)))
    return `tokens must be integers from 0 to ${vocabularySize - 1}`
  return prefixes.every(({ length }) => length <= contextLength)
    ? undefined
    : `a prefix may have ${contextLength} tokens, the context of the model`
}

export const isMap = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isTextOrNone = (value: unknown, maxLength: number): boolean =>
  value === undefined || (typeof value === 'string' && value.length <= maxLength)
