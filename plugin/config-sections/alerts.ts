import { z } from 'zod'
import { ALERT_SEVERITIES, DEFAULT_ALERT_OPTIONS as defaults } from '../alerts/options.js'
import { clockFault, timeZoneFault } from '../alerts/quiet-hours.js'
import {
  checked,
  oneOf,
  optional,
  settings,
  someInteger,
  someNumber,
  text,
  yesOrNo,
} from '../config-fields.js'
import { httpUrlFault } from '../http-url.js'

const SMTP_PORT = 587
const ADDRESS = /^[^@\r\n]+@[^@\s]+$/
const addressFault = (value: string): string | undefined =>
  ADDRESS.test(value) ? undefined : 'an e-mail address such as ops@example.org'
const address = checked(addressFault, 'An e-mail address.')

const quietHours = settings({
  from: checked(clockFault, 'A time of day such as 22:00.'),
  to: checked(clockFault, 'When alerts go out again; the part may go past midnight.'),
  time_zone: optional(checked(timeZoneFault, 'A time zone such as Europe/Berlin; by default the machine’s.')),
  except: optional(oneOf(ALERT_SEVERITIES, 'From this severity on alerts go out all the same.')),
}).meta({ description: 'When alerts wait.' })

const email = settings({
  host: text('Address of the mail server.'),
  port: optional(someInteger(1, 65_535, 'Its port.'), SMTP_PORT),
  secure: optional(yesOrNo('TLS from the first byte, as on port 465; else STARTTLS.'), false),
  username: optional(text('User, if the server asks for one; STARTTLS is then demanded.')),
  password: optional(text('Password; best from the environment or a file.')),
  tls: optional(settings({ ca: text('PEM file of the certificates to trust instead of the usual ones.') })),
  from: address,
  to: z
    .array(address, { error: 'a list of e-mail addresses' })
    .min(1, { error: 'a list of at least one e-mail address' })
    .max(50, { error: 'a list of at most 50 e-mail addresses' })
    .meta({ description: 'Who gets the alerts.' }),
}).meta({ description: 'E-mail by SMTP.' })

const webhook = settings({
  url: checked(httpUrlFault, 'Address that takes JSON by POST.'),
  secret: optional(
    text('Signs messages (HMAC-SHA-256); best from the environment or a file.').min(16, {
      error: 'a text of at least 16 characters',
    }),
  ),
}).meta({ description: 'JSON to an address of yours.' })

/** `alerts` */
export const alerts = settings({
  slack: optional(
    settings({
      url: checked(httpUrlFault, 'Address of the incoming webhook, a secret; best from the environment.'),
    }).meta({ description: 'Slack, or what understands its incoming webhooks.' }),
  ),
  email: optional(email),
  webhook: optional(webhook),
  min_severity: optional(
    oneOf(ALERT_SEVERITIES, 'What is less severe raises no alert.'),
    defaults.minSeverity,
  ),
  group_wait_seconds: optional(
    someNumber(
      { from: 0, to: 3600, what: 'seconds' },
      'How long the first finding of a kind waits for others.',
    ),
    defaults.groupWaitSeconds,
  ),
  repeat_minutes: optional(
    someNumber({ from: 0, to: 525_600, what: 'minutes' }, 'A kind of finding is not told again before.'),
    defaults.repeatMinutes,
  ),
  max_per_hour: optional(
    someInteger(1, 3600, 'Messages in an hour at most; what is due beyond goes into the next one.'),
    defaults.maxPerHour,
  ),
  quiet_hours: optional(quietHours),
  context_lines: optional(
    someInteger(0, 5, 'Log lines told before the flagged one; with 0 no log line leaves in alerts.'),
    defaults.contextLines,
  ),
}).meta({ description: 'Messages to people about anomalies: at least one of slack, email, webhook.' })
