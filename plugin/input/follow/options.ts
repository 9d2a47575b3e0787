import {
  checkOptions,
  isInteger,
  isPresent,
  isText,
  type OptionRule,
  withDefaults,
} from '../../check-options.js'

/** Settings of a `FollowInput`. All times are in milliseconds. */
export interface FollowOptions {
  /** Files to follow, which need not be there yet. */
  readonly paths: readonly string[]
  /** Tag of their records. */
  readonly tag: string
  /** File that keeps how far each of them was delivered. */
  readonly positions: string
  /** Where a file begins that was never followed before. Default `beginning`. */
  readonly startAt?: 'beginning' | 'end'
  /** How often files that have shown nothing new are looked at. Default 250. */
  readonly pollMs?: number
  /** How long a file that was rotated away must be quiet before the next is begun: programs write to it until they notice. Default 2,000. */
  readonly rotateWaitMs?: number
  /** Lines that travel together at most. Default 500. */
  readonly maxLines?: number
  /** Longest line in bytes; a longer one is cut into several. Default 1 MiB. */
  readonly maxLineBytes?: number
  /** Chunks of one file on their way at a time. Default 4. */
  readonly maxChunks?: number
  /** Wait before what no output took is offered again; each further one doubles it. Default 500. */
  readonly retryMinMs?: number
  /** Longest wait between such tries. Default 30,000. */
  readonly retryMaxMs?: number
  /** How long `close` waits for chunks under way. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
}

export type ResolvedFollowOptions = Required<FollowOptions>

export const DEFAULT_FOLLOW_OPTIONS: Omit<ResolvedFollowOptions, 'paths' | 'tag' | 'positions'> =
  Object.freeze({
    startAt: 'beginning',
    pollMs: 250,
    rotateWaitMs: 2000,
    maxLines: 500,
    maxLineBytes: 1024 * 1024,
    maxChunks: 4,
    retryMinMs: 500,
    retryMaxMs: 30_000,
    closeTimeoutMs: 10_000,
    warn: () => {},
    now: Date.now,
  })

const milliseconds = isInteger(1, 2 ** 31 - 1)
const isStart: OptionRule = value =>
  value === 'beginning' || value === 'end' ? undefined : 'beginning or end'

const RULES = {
  paths: isPresent,
  tag: isText,
  positions: isText,
  startAt: isStart,
  pollMs: milliseconds,
  rotateWaitMs: isInteger(0, 2 ** 31 - 1),
  maxLines: isInteger(1, 100_000),
  maxLineBytes: isInteger(64, 2 ** 28),
  maxChunks: isInteger(1, 1000),
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  warn: isPresent,
  now: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveFollowOptions(given: FollowOptions): ResolvedFollowOptions {
  checkOptions('follow', given, RULES)
  const { paths, tag, positions } = given
  return withDefaults({ ...DEFAULT_FOLLOW_OPTIONS, paths, tag, positions }, given)
}
