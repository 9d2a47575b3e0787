import type { Counters } from '../chunk.js'
import type { Channel } from './alert.js'
import { Alerts } from './alerts.js'
import { EmailChannel, type EmailOptions } from './email.js'
import type { AlertOptions } from './options.js'
import { SlackChannel } from './slack.js'
import { WebhookChannel, type WebhookOptions } from './webhook.js'

/** The ways to people that are wanted. */
export interface ChannelOptions {
  readonly slack?: { readonly url: string }
  readonly email?: EmailOptions
  readonly webhook?: WebhookOptions
}

/** Opens the channels. The mail client is only loaded where e-mail is wanted. */
export async function openAlerts(
  { slack, email, webhook }: ChannelOptions,
  options: AlertOptions,
  counters: Counters,
): Promise<Alerts> {
  const channels: Channel[] = [
    ...(slack ? [new SlackChannel(slack.url)] : []),
    ...(email ? [await EmailChannel.open(email)] : []),
    ...(webhook ? [new WebhookChannel(webhook)] : []),
  ]
  return new Alerts(channels, options, counters)
}
