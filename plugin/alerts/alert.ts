import type { Severity } from '../../scorer/judge.js'
import { PluginError } from '../errors.js'

/** Something flagged: a line, or a session by its end. */
export interface Finding {
  /** The same whenever it is found again. */
  readonly id: string
  /** What is alike is told together. */
  readonly group: string
  readonly timeMs: number
  readonly severity: Severity
  readonly score: number
  readonly session: string
  readonly reasons: readonly string[]
  /** One sentence. */
  readonly message: string
  readonly tag?: string | undefined
  readonly template?: string | undefined
  readonly template_id?: string | undefined
  readonly model?: string | undefined
  /** The line itself, cut where it is long; missing for the end of a session. */
  readonly line?: string | undefined
  /** Lines of its session before it, oldest first. */
  readonly context: readonly string[]
}

/** Findings that are alike, since they were last told of. */
export interface AlertGroup {
  readonly worst: Finding
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

/** One message to people. */
export interface Alert {
  /** The same in every try to deliver it. */
  readonly id: string
  readonly timeMs: number
  /** Of its worst group. */
  readonly severity: Severity
  /** Worst first. */
  readonly groups: readonly AlertGroup[]
  /** Groups that are not listed, as there are too many. */
  readonly numMore: number
}

/** A way to people. */
export interface Channel {
  /** For messages and metrics: `slack`. */
  readonly name: string
  /** @throws AlertDeliveryError */
  send(alert: Alert): Promise<void>
  close(): void
}

/** Thrown when a channel did not take an alert. */
export class AlertDeliveryError extends PluginError {
  readonly code = 'ERR_ALERT_DELIVERY'

  /** @param retryAfterMs what the receiver asked us to wait */
  constructor(
    message: string,
    readonly retriable: boolean,
    readonly retryAfterMs = 0,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const SEVERITIES: readonly Severity[] = ['none', 'low', 'medium', 'high']

/** Greater is worse. */
export const severityRank = (severity: Severity): number => SEVERITIES.indexOf(severity)
