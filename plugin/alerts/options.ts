import type { Severity } from '../../scorer/judge.js'
import { checkOptions, isInteger, isPresent, type OptionRule, withDefaults } from '../check-options.js'
import { type QuietHours, quietHoursFault } from './quiet-hours.js'

/** Severities that an alert can be about. */
export const ALERT_SEVERITIES = ['low', 'medium', 'high'] as const satisfies readonly Severity[]
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number]

/** Settings of `Alerts`. */
export interface AlertOptions {
  /** What is less severe raises no alert. Default `medium`. */
  readonly minSeverity?: AlertSeverity
  /** How long the first finding of a kind waits for others, in seconds. Default 10. */
  readonly groupWaitSeconds?: number
  /** A kind of finding is not told again before, in minutes; what came meanwhile is counted. Default 60. */
  readonly repeatMinutes?: number
  /** Messages to each channel in an hour at most; what is due beyond goes into the next one. Default 12. */
  readonly maxPerHour?: number
  /** When nobody is to be woken. Default: never. */
  readonly quietHours?: QuietHours
  /** Log lines told before the flagged one, 0 to 5; with 0 no log line leaves in alerts. Default 5. */
  readonly contextLines?: number
  /** Messages that may wait for a channel. Default 100. */
  readonly maxQueue?: number
  /** Tries to deliver a message. Default 8. */
  readonly maxTries?: number
  /** Wait before the first retry in milliseconds; each further one doubles it. Default 1,000. */
  readonly retryMinMs?: number
  /** Longest wait between retries in milliseconds. Default 300,000. */
  readonly retryMaxMs?: number
  /** How long `close` waits for what is not delivered, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number
  /** How often it is looked for what is due, in milliseconds. Default 1,000. */
  readonly tickMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
  /** Numbers from 0 to below 1, which spread retries; for tests. Default `Math.random`. */
  readonly random?: () => number
}

export type ResolvedAlertOptions = Required<Omit<AlertOptions, 'quietHours'>> &
  Pick<AlertOptions, 'quietHours'>

export const DEFAULT_ALERT_OPTIONS: ResolvedAlertOptions = Object.freeze({
  minSeverity: 'medium',
  groupWaitSeconds: 10,
  repeatMinutes: 60,
  maxPerHour: 12,
  contextLines: 5,
  maxQueue: 100,
  maxTries: 8,
  retryMinMs: 1000,
  retryMaxMs: 300_000,
  closeTimeoutMs: 5000,
  tickMs: 1000,
  warn: () => {},
  now: Date.now,
  random: Math.random,
})

const milliseconds = isInteger(1, 2 ** 31 - 1)
const isAmount: OptionRule = value =>
  typeof value === 'number' && value >= 0 && value <= 1e6 ? undefined : 'a number from 0 to 1,000,000'
const isSeverity: OptionRule = value =>
  ALERT_SEVERITIES.some(severity => severity === value) ? undefined : `one of ${ALERT_SEVERITIES.join(', ')}`

const RULES = {
  minSeverity: isSeverity,
  groupWaitSeconds: isAmount,
  repeatMinutes: isAmount,
  maxPerHour: isInteger(1, 3600),
  quietHours: (value: unknown) => quietHoursFault(value as QuietHours),
  contextLines: isInteger(0, 5),
  maxQueue: isInteger(1, 100_000),
  maxTries: isInteger(1, 1000),
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  closeTimeoutMs: isInteger(0, 2 ** 31 - 1),
  tickMs: milliseconds,
  warn: isPresent,
  now: isPresent,
  random: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveAlertOptions(given: AlertOptions): ResolvedAlertOptions {
  checkOptions('alerts', given, RULES)
  return withDefaults(DEFAULT_ALERT_OPTIONS, given)
}
