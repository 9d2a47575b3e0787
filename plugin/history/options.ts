import {
  checkOptions,
  isInteger,
  isPresent,
  isText,
  type OptionRule,
  withDefaults,
} from '../check-options.js'

/** Settings of a `History`. Sizes are in bytes, times in milliseconds unless said otherwise. */
export interface HistoryOptions {
  /** Days that rows are kept. Default 30. */
  readonly retentionDays?: number
  /** Folder for what is older, as compressed JSON lines. Default: it is deleted. */
  readonly archive?: string
  /** Whether the summaries of all sessions are kept, or of flagged ones alone. Default `all`. */
  readonly sessions?: 'all' | 'flagged'
  /** What may wait to be written; further rows are counted and dropped. Default 32 MiB. */
  readonly maxQueueBytes?: number
  /** Rows written together. Default 500. */
  readonly maxBatchRows?: number
  /** How long a row may wait for others. Default 500. */
  readonly flushMs?: number
  /** Wait before the first retry; each further one doubles it. Default 500. */
  readonly retryMinMs?: number
  /** Longest wait between retries. Default 30,000. */
  readonly retryMaxMs?: number
  /** How often what is too old is looked for. Default one hour. */
  readonly expireEveryMs?: number
  /** How long `close` waits for what is not written. Default 30,000, as the embedded database may just be made. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
  /** Numbers from 0 to below 1, which spread retries; for tests. Default `Math.random`. */
  readonly random?: () => number
}

export type ResolvedHistoryOptions = Required<Omit<HistoryOptions, 'archive'>> &
  Pick<HistoryOptions, 'archive'>

export const DEFAULT_HISTORY_OPTIONS: ResolvedHistoryOptions = Object.freeze({
  retentionDays: 30,
  sessions: 'all',
  maxQueueBytes: 32 * 1024 * 1024,
  maxBatchRows: 500,
  flushMs: 500,
  retryMinMs: 500,
  retryMaxMs: 30_000,
  expireEveryMs: 3_600_000,
  closeTimeoutMs: 30_000,
  warn: () => {},
  now: Date.now,
  random: Math.random,
})

const milliseconds = isInteger(1, 2 ** 31 - 1)
const isDays: OptionRule = value =>
  typeof value === 'number' && value > 0 && value <= 36_500 ? undefined : 'a number of days above 0'
const isSessions: OptionRule = value =>
  value === 'all' || value === 'flagged' ? undefined : 'all or flagged'

const RULES = {
  retentionDays: isDays,
  archive: isText,
  sessions: isSessions,
  maxQueueBytes: isInteger(1),
  maxBatchRows: isInteger(1, 100_000),
  flushMs: milliseconds,
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  expireEveryMs: milliseconds,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  warn: isPresent,
  now: isPresent,
  random: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveHistoryOptions(given: HistoryOptions): ResolvedHistoryOptions {
  checkOptions('persist', given, RULES)
  return withDefaults(DEFAULT_HISTORY_OPTIONS, given)
}
