import { LRUCache } from 'lru-cache'
import type { Severity } from '../../scorer/judge.js'
import type { Counters } from '../chunk.js'
import type { SessionSummary, Verdict } from '../verdict.js'
import { ContextStore } from './context-store.js'
import type { Destination, Lanes } from './lanes.js'
import type { ResolvedRouteOptions } from './options.js'
import { isSampled } from './sampling.js'

/** Sessions whose records after an anomaly are counted. */
const MAX_AFTER = 100_000

/** A rule in the terms it is applied in. */
interface Route {
  readonly sample: number
  readonly prefix: string
  readonly to: ReadonlySet<string> | undefined
}

/**
 * Sends records where their verdicts say: elsewhere, under another tag, or only those of some sessions. What sampling leaves out is held a while: when
 * its session turns out to have an anomaly, the records before and after it are kept as its context.
 */
export class Router {
  readonly #routes: ReadonlyMap<Severity, Route>
  readonly #default: Route
  readonly #context: ContextStore
  /** By session: records still to be kept after an anomaly. */
  readonly #after: LRUCache<string, number>

  /**
   * @param tagPrefix comes first in every outgoing tag
   * @param counters counts `records_left_out_total` and `records_kept_as_context_total`
   */
  constructor(
    readonly options: ResolvedRouteOptions,
    tagPrefix: string,
    readonly counters: Counters,
  ) {
    this.#default = { sample: 1, prefix: tagPrefix, to: undefined }
    const routes = new Map<Severity, Route>()
    for (const { severity, sample = 1, tag = '', to } of options.rules) {
      const route = { sample, prefix: `${tagPrefix}${tag}`, to: to && new Set(to) }
      for (const name of severity) if (!routes.has(name)) routes.set(name, route)
    }
    this.#routes = routes
    this.#context = new ContextStore(options.contextBefore, options.maxContextBytes)
    this.#after = new LRUCache({ max: MAX_AFTER })
  }

  /** Puts a record into the lane it belongs in, or leaves it out. @param record packed with its verdict; valid during the call alone */
  route(lanes: Lanes, tag: string, verdict: Verdict | undefined, record: Uint8Array): void {
    const route = this.#routeOf(verdict?.severity)
    const session = verdict?.session
    if (session === undefined || this.#isKept(session, verdict, route)) {
      if (session !== undefined && verdict?.anomaly === true) this.#keepContext(lanes, session, route)
      lanes.add(destination(route, tag), record, session)
    } else {
      this.counters.increment('records_left_out_total')
      if (verdict?.anomaly !== true) this.#context.add(session, { tag, bytes: Buffer.from(record) })
    }
  }

  /** Takes note of sessions that closed: an anomaly found only then has its context too. */
  close(lanes: Lanes, { session, anomaly, severity }: SessionSummary): void {
    if (anomaly && isSampled(session, this.#routeOf(severity).sample))
      this.#keepContext(lanes, session, this.#routeOf(severity))
    else this.#context.take(session)
    this.#after.delete(session)
  }

  #routeOf(severity: Severity | undefined): Route {
    return (severity && this.#routes.get(severity)) ?? this.#default
  }

  #isKept(session: string, verdict: Verdict | undefined, { sample }: Route): boolean {
    if (isSampled(session, sample)) {
      if (verdict?.anomaly === true && this.options.contextAfter > 0)
        this.#after.set(session, this.options.contextAfter)
      return true
    }
    const left = verdict?.anomaly === true ? 0 : (this.#after.get(session) ?? 0)
    if (left === 0) return false
    if (left === 1) this.#after.delete(session)
    else this.#after.set(session, left - 1)
    this.counters.increment('records_kept_as_context_total')
    return true
  }

  #keepContext(lanes: Lanes, session: string, route: Route): void {
    const records = this.#context.take(session)
    for (const { tag, bytes } of records) lanes.add(destination(route, tag), bytes, session)
    if (records.length > 0) this.counters.increment('records_kept_as_context_total', records.length)
  }
}

const destination = ({ prefix, to }: Route, tag: string): Destination => ({ tag: `${prefix}${tag}`, to })
