import { DEFAULT_SCORER_OPTIONS, type ScorerOptions } from '../scorer/scorer.js'
import { ADDRESS_FORM, parseAddress } from './address.js'
import { SidecarOptionsError } from './errors.js'

export interface SidecarServerOptions {
  /** Directory of the model bundle. */
  readonly model: string
  /** Where to listen: `unix:PATH` or `tcp:HOST:PORT`; port 0 takes a free one. */
  readonly listen: string
  /** How the model runs: precision, provider, threads, memory. */
  readonly scorer?: ScorerOptions
  /** Events that are computed together at the most. Default 500. */
  readonly maxBatchEvents?: number
  /** How long the first event of a batch waits for those of other connections, in milliseconds; 0: not at all. Default 1. */
  readonly batchWaitMs?: number
  /** What clients must know; undefined: anybody who reaches the address is answered. Default undefined. */
  readonly token?: string | undefined
  /** Connections held at a time; further ones are closed at once. Default 64. */
  readonly maxConnections?: number
  /** Largest frame taken, in bytes. Default 4 MiB. */
  readonly maxFrameBytes?: number
  /** Most events of a request. Default 5,000. */
  readonly maxRequestEvents?: number
  /** Requests of a connection that are under way; while there are more, it is not read. Default 64. */
  readonly maxInFlight?: number
  /** Events of all connections that wait; further requests are refused as overloaded. Default 100,000. */
  readonly maxPendingEvents?: number
  /** How long a frame may take to arrive, and a client that must know the token to say it, in milliseconds. Default 10,000. */
  readonly frameTimeoutMs?: number
  /** How long a stop waits for requests under way, in milliseconds. Default 5,000. */
  readonly stopTimeoutMs?: number
  /** Told to clients in `hello`. Default `logneo`. */
  readonly version?: string
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** Time in milliseconds; for tests. Default: that of the process. */
  readonly now?: () => number
}

export const DEFAULT_SIDECAR_SERVER_OPTIONS = Object.freeze({
  scorer: DEFAULT_SCORER_OPTIONS as ScorerOptions,
  maxBatchEvents: 500,
  batchWaitMs: 1,
  token: undefined as string | undefined,
  maxConnections: 64,
  maxFrameBytes: 4 * 2 ** 20,
  maxRequestEvents: 5000,
  maxInFlight: 64,
  maxPendingEvents: 100_000,
  frameTimeoutMs: 10_000,
  stopTimeoutMs: 5000,
  version: 'logneo',
  warn: (_message: string): void => {},
  now: () => performance.now(),
})

export type ResolvedSidecarServerOptions = Readonly<
  typeof DEFAULT_SIDECAR_SERVER_OPTIONS & Pick<SidecarServerOptions, 'model' | 'listen'>
>

export interface SidecarClientOptions {
  /** Where the sidecar listens: `unix:PATH` or `tcp:HOST:PORT`. */
  readonly address: string
  /** How long an answer may take, in milliseconds; then the connection is given up. Default 5,000. */
  readonly timeoutMs?: number
  /** What the sidecar wants its clients to know. Default: nothing. */
  readonly token?: string | undefined
  /** Shortest and longest wait before connecting again, in milliseconds; it doubles in between. Default 50 and 1,000. */
  readonly retryMinMs?: number
  readonly retryMaxMs?: number
  /** Requests under way; further ones fail at once. Default 64. */
  readonly maxInFlight?: number
  /** Largest reply taken, in bytes. Default 16 MiB. */
  readonly maxFrameBytes?: number
  /** Told to the sidecar in `hello`. Default `logneo`. */
  readonly name?: string
  /** Told of each change of state or of the sidecar's bundle, with what it means for people and, where the sidecar answered, the bundle's id. */
  readonly onState?: (state: SidecarState, detail: string, bundle?: string) => void
  /** Told of the sidecar's bundle each time that it says it has another one than ours: every `retryMaxMs`, as long as that is so. */
  readonly onOtherBundle?: (bundle: string) => void
  /** Random numbers from 0 to 1, for the waits. Default Math.random. */
  readonly random?: () => number
}

/** `ready` answers; `away` cannot be reached; `mismatch` has another model; `refused` does not let us in. */
export type SidecarState = 'away' | 'ready' | 'mismatch' | 'refused'

export const DEFAULT_SIDECAR_CLIENT_OPTIONS = Object.freeze({
  timeoutMs: 5000,
  token: undefined as string | undefined,
  retryMinMs: 50,
  retryMaxMs: 1000,
  maxInFlight: 64,
  maxFrameBytes: 16 * 2 ** 20,
  name: 'logneo',
  onState: (_state: SidecarState, _detail: string, _bundle?: string): void => {},
  onOtherBundle: (_bundle: string): void => {},
  random: Math.random,
})

export type ResolvedSidecarClientOptions = Readonly<
  typeof DEFAULT_SIDECAR_CLIENT_OPTIONS & Pick<SidecarClientOptions, 'address'>
>

const MAX_MS = 2 ** 31 - 1
const MAX_FRAME_BYTES = 2 ** 30

/** What a number may be. */
type Range = readonly [min: number, max: number]

const SERVER_RANGES = {
  maxBatchEvents: [1, 10_000],
  batchWaitMs: [0, 1000],
  maxConnections: [1, 100_000],
  maxFrameBytes: [1024, MAX_FRAME_BYTES],
  maxRequestEvents: [1, 1_000_000],
  maxInFlight: [1, 10_000],
  maxPendingEvents: [1, 10_000_000],
  frameTimeoutMs: [1, MAX_MS],
  stopTimeoutMs: [0, MAX_MS],
} as const satisfies Readonly<Record<string, Range>>

const CLIENT_RANGES = {
  timeoutMs: [1, MAX_MS],
  retryMinMs: [1, MAX_MS],
  retryMaxMs: [1, MAX_MS],
  maxInFlight: [1, 10_000],
  maxFrameBytes: [1024, MAX_FRAME_BYTES],
} as const satisfies Readonly<Record<string, Range>>

/** Shortest token that is worth having, in characters. */
export const MIN_TOKEN_LENGTH = 16

/** What the options of one kind may be. */
interface Rules {
  readonly defaults: object
  readonly required: readonly string[]
  readonly ranges: Readonly<Record<string, Range>>
}

const SERVER_RULES: Rules = {
  defaults: DEFAULT_SIDECAR_SERVER_OPTIONS,
  required: ['model', 'listen'],
  ranges: SERVER_RANGES,
}

const CLIENT_RULES: Rules = {
  defaults: DEFAULT_SIDECAR_CLIENT_OPTIONS,
  required: ['address'],
  ranges: CLIENT_RANGES,
}

/** Options over the defaults. @throws SidecarOptionsError that lists every problem */
export function resolveServerOptions(options: SidecarServerOptions): ResolvedSidecarServerOptions {
  const resolved = withDefaults(DEFAULT_SIDECAR_SERVER_OPTIONS, options)
  const problems = problemsOf(resolved, SERVER_RULES)
  if (typeof resolved.model !== 'string' || resolved.model === '')
    problems.push('sidecar.model must be the directory of a model bundle')
  problems.push(...addressProblems('sidecar.listen', resolved.listen))
  throwIfAny(problems)
  return resolved
}

/** Options over the defaults. @throws SidecarOptionsError that lists every problem */
export function resolveClientOptions(options: SidecarClientOptions): ResolvedSidecarClientOptions {
  const resolved = withDefaults(DEFAULT_SIDECAR_CLIENT_OPTIONS, options)
  const problems = problemsOf(resolved, CLIENT_RULES)
  problems.push(...addressProblems('sidecar.address', resolved.address))
  const { retryMinMs, retryMaxMs } = resolved
  if (retryMinMs > retryMaxMs)
    problems.push(
      `sidecar.retryMinMs (${retryMinMs}) must not be above retryMaxMs (${retryMaxMs}): change one`,
    )
  throwIfAny(problems)
  return resolved
}

function withDefaults<D extends object, O extends object>(defaults: D, options: O): Readonly<D & O> {
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return Object.freeze({ ...defaults, ...set }) as Readonly<D & O>
}

/** @param resolved options over their defaults, among which unknown names may be */
function problemsOf(
  resolved: { readonly token: string | undefined },
  { defaults, required, ranges }: Rules,
): string[] {
  const known = [...required, ...Object.keys(defaults)]
  const problems = Object.keys(resolved)
    .filter(name => !known.includes(name))
    .map(name => `sidecar.${name} is unknown: use one of ${known.join(', ')}`)
  const values = new Map<string, unknown>(Object.entries(resolved))
  for (const [name, [min, max]] of Object.entries(ranges)) {
    const value = values.get(name)
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      problems.push(`sidecar.${name} must be an integer from ${min} to ${max}, got ${String(value)}`)
  }
  const { token } = resolved
  if (token !== undefined && (typeof token !== 'string' || token.length < MIN_TOKEN_LENGTH))
    problems.push(`sidecar.token must be a text of at least ${MIN_TOKEN_LENGTH} characters`)
  return problems
}

function addressProblems(name: string, address: unknown): string[] {
  const isRight = typeof address === 'string' && parseAddress(address) !== undefined
  return isRight ? [] : [`${name} must be ${ADDRESS_FORM}, got ${String(address)}`]
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new SidecarOptionsError(problems)
}
