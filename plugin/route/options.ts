import type { Severity } from '../../scorer/judge.js'

/** Severities of records that were scored. */
export const SEVERITIES = ['none', 'low', 'medium', 'high'] as const satisfies readonly Severity[]

/** What happens to the records of some severities. */
export interface RouteRule {
  readonly severity: readonly Severity[]
  /** Share of sessions whose records of these severities are kept; 0 drops all. Default 1. */
  readonly sample?: number
  /** Comes into the outgoing tag, between the prefix and the incoming tag. Default: nothing does. */
  readonly tag?: string
  /** Kinds of the outputs that get them, such as `forward`. Default all outputs. */
  readonly to?: readonly string[]
}

/** Where records go by their verdicts. */
export interface RouteOptions {
  /** The first rule that names a record's severity counts; records that none names, and those not scored, go as ever. */
  readonly rules: readonly RouteRule[]
  /** Records of a session before an anomaly that are kept although sampling left them out. Default 20. */
  readonly contextBefore?: number
  /** As `contextBefore`, after an anomaly. Default 5. */
  readonly contextAfter?: number
  /** Memory for records that may yet become context, in bytes. Default 32 MiB. */
  readonly maxContextBytes?: number
}

export type ResolvedRouteOptions = Required<RouteOptions>

export const DEFAULT_ROUTE_OPTIONS: Omit<ResolvedRouteOptions, 'rules'> = Object.freeze({
  contextBefore: 20,
  contextAfter: 5,
  maxContextBytes: 32 * 1024 * 1024,
})
