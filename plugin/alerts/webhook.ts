import { createHmac } from 'node:crypto'
import type { Alert, AlertGroup, Channel } from './alert.js'
import { title } from './alert-text.js'
import { JsonPoster } from './http-channel.js'

export interface WebhookOptions {
  readonly url: string
  /** Signs messages, so that the receiver knows who they are from. */
  readonly secret?: string
  /** The time in milliseconds; for tests. Default `Date.now`. */
  readonly now?: () => number
}

/**
 * Alerts as JSON to an address. With a secret each carries `X-LogNEO-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA-256 of
 * `SECONDS.BODY`: a receiver that checks it and the time takes no message from others, and none twice. `X-LogNEO-Id` is the same in
 * every try.
 */
export class WebhookChannel implements Channel {
  readonly name = 'webhook'
  readonly #poster: JsonPoster

  constructor(readonly options: WebhookOptions) {
    this.#poster = new JsonPoster(this.name, options.url)
  }

  send(alert: Alert): Promise<void> {
    const body = JSON.stringify(payload(alert))
    return this.#poster.post(body, { 'x-logneo-id': alert.id, ...this.#signature(body) })
  }

  close(): void {
    this.#poster.close()
  }

  #signature(body: string): Record<string, string> {
    const { secret, now = Date.now } = this.options
    if (secret === undefined) return {}
    const seconds = Math.floor(now() / 1000)
    const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
    return { 'x-logneo-signature': `t=${seconds},v1=${digest}` }
  }
}

function payload(alert: Alert): object {
  const { id, timeMs, severity, groups, numMore } = alert
  return {
    version: 1,
    id,
    time: new Date(timeMs).toISOString(),
    title: title(alert),
    severity,
    groups: groups.map(groupPayload),
    more: numMore,
  }
}

function groupPayload({ worst, count, firstMs, lastMs }: AlertGroup): object {
  const { id: _, group, timeMs, ...finding } = worst
  return { group, count, first: time(firstMs), last: time(lastMs), worst: { time: time(timeMs), ...finding } }
}

const time = (timeMs: number): string | undefined =>
  Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : undefined
