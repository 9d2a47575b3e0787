import type { ChannelOptions } from './alerts/open-alerts.js'
import type { AlertOptions } from './alerts/options.js'
import type { ConfigFile } from './config-schema.js'

/** The section `alerts` in the terms of its parts. */
export interface AlertConfig {
  readonly channels: ChannelOptions & { readonly email?: { readonly caFile?: string } }
  readonly options: AlertOptions
}

const SMTP_PORT = 587

/** @param absolute resolves paths */
export function alertConfig(
  file: NonNullable<ConfigFile['alerts']>,
  absolute: (path: string) => string,
): AlertConfig {
  const { slack, email, webhook, quiet_hours: quiet } = file
  return {
    channels: {
      ...(slack && { slack }),
      ...(email && { email: emailOptions(email, absolute) }),
      ...(webhook && { webhook }),
    },
    options: {
      ...(file.min_severity && { minSeverity: file.min_severity }),
      ...(file.group_wait_seconds !== undefined && { groupWaitSeconds: file.group_wait_seconds }),
      ...(file.repeat_minutes !== undefined && { repeatMinutes: file.repeat_minutes }),
      ...(file.max_per_hour !== undefined && { maxPerHour: file.max_per_hour }),
      ...(file.context_lines !== undefined && { contextLines: file.context_lines }),
      ...(quiet && { quietHours: quietHours(quiet) }),
    },
  }
}

type AlertFile = NonNullable<ConfigFile['alerts']>

function emailOptions(
  { tls, port = SMTP_PORT, secure = false, ...others }: NonNullable<AlertFile['email']>,
  absolute: (path: string) => string,
) {
  return { ...others, port, secure, ...(tls && { caFile: absolute(tls.ca) }) }
}

const quietHours = ({ time_zone, ...others }: NonNullable<AlertFile['quiet_hours']>) => ({
  ...others,
  ...(time_zone !== undefined && { timeZone: time_zone }),
})
