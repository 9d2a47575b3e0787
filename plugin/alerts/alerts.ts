import { randomUUID } from 'node:crypto'
import type { Severity } from '../../scorer/judge.js'
import { type Counters, NO_COUNTERS } from '../chunk.js'
import type { ClosedEvent, FlaggedEvent, Observer } from '../observer.js'
import { type AlertGroup, type Channel, type Finding, severityRank } from './alert.js'
import { Dispatcher } from './dispatcher.js'
import { lineFinding, sessionFinding } from './findings.js'
import { AlertGroups } from './groups.js'
import { type AlertOptions, type ResolvedAlertOptions, resolveAlertOptions } from './options.js'
import { type QuietCheck, quietCheck } from './quiet-hours.js'
import { RateLimit } from './rate-limit.js'

/** Groups listed in one alert. */
const MAX_LISTED = 10

/**
 * Tells people of anomalies: those that are alike together, not again before a while has passed, not more than so many an hour, and not at
 * night. What is held back is counted, and told later in one message. Nothing waits for it.
 */
export class Alerts implements Observer {
  readonly #options: ResolvedAlertOptions
  readonly #groups: AlertGroups
  readonly #dispatchers: readonly Dispatcher[]
  readonly #rate: RateLimit
  readonly #isQuiet: QuietCheck
  readonly #ticker: NodeJS.Timeout

  /**
   * @param channels are closed with the alerts
   * @param counters counts `alert_findings_total`, `alert_findings_forgotten_total`, and by `channel` `alerts_sent_total`,
   *   `alerts_retries_total`, `alerts_failed_total` and `alerts_dropped_total`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    channels: readonly Channel[],
    options: AlertOptions = {},
    readonly counters: Counters = NO_COUNTERS,
  ) {
    this.#options = resolveAlertOptions(options)
    const { groupWaitSeconds, repeatMinutes, maxPerHour, quietHours, tickMs } = this.#options
    this.#groups = new AlertGroups({
      groupWaitMs: groupWaitSeconds * 1000,
      repeatMs: repeatMinutes * 60_000,
      onForgotten: count => counters.increment('alert_findings_forgotten_total', count),
    })
    this.#rate = new RateLimit(maxPerHour)
    this.#isQuiet = quietCheck(quietHours)
    this.#dispatchers = channels.map(channel => new Dispatcher(channel, this.#options, counters))
    this.#ticker = setInterval(() => this.#tick(), tickMs).unref()
  }

  flagged(event: FlaggedEvent): void {
    this.#add(lineFinding(event, this.#options.contextLines))
  }

  /** A session is only news if none of its lines was, in this process or in another one that shares the session. */
  closed(event: ClosedEvent): void {
    const { anomaly, line_severity: told = 'none' } = event.summary
    if (anomaly && !this.#isSevere(told)) this.#add(sessionFinding(event, this.#options.contextLines))
  }

  /** Tells what waits, but for what is held back, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#ticker)
    this.#raise(this.#groups.due(Number.POSITIVE_INFINITY))
    await Promise.all(this.#dispatchers.map(dispatcher => dispatcher.close()))
  }

  #add(finding: Finding): void {
    if (!this.#isSevere(finding.severity)) return
    if (this.#groups.add(finding, this.#options.now())) this.counters.increment('alert_findings_total')
  }

  #isSevere(severity: Severity): boolean {
    return severityRank(severity) >= severityRank(this.#options.minSeverity)
  }

  #tick(): void {
    this.#raise(this.#groups.due(this.#options.now()))
  }

  #raise(due: readonly AlertGroup[]): void {
    const nowMs = this.#options.now()
    const groups = due.filter(({ worst }) => !this.#isQuiet(worst.severity, nowMs))
    const [first] = groups
    if (first === undefined) return
    if (!this.#rate.take(nowMs)) return
    this.#groups.told(groups, nowMs)
    const alert = {
      id: randomUUID(),
      timeMs: nowMs,
      severity: first.worst.severity,
      groups: groups.slice(0, MAX_LISTED),
      numMore: Math.max(0, groups.length - MAX_LISTED),
    }
    for (const dispatcher of this.#dispatchers) dispatcher.send(alert)
  }
}
