import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LOG_LEVELS } from './config-sections/operation.js'
import { SECRET_SETTINGS } from './secret-settings.js'

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  /** Least severity that is logged. */
  readonly level: LogLevel
  /** One readable line a message instead of JSON. Default: when standard error is a terminal. */
  readonly isReadable?: boolean
  /** Where messages go. Default: standard error. */
  readonly to?: DestinationStream
}

/** Fields that never reach the log, in whatever object they come. */
const SECRETS = [...SECRET_SETTINGS, 'sharedKey', 'apiKey', 'authorization']

/** The program's own log: JSON lines for machines, plain lines for people at a terminal. */
export function makeLogger({ level, isReadable = process.stderr.isTTY === true, to }: LogOptions): Logger {
  // Written at once, so that the last words of a process that ends are not lost.
  const target = to ?? destination({ dest: 2, sync: true })
  return pino(
    {
      level,
      base: { name: 'logneo' },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: SECRETS.flatMap(name => [name, `*.${name}`, `*.*.${name}`]), censor: '[hidden]' },
    },
    isReadable ? { write: (json: string) => target.write(readable(json)) } : target,
  )
}

/** `12:30:05.123 WARN  message key=value`, without what could move a terminal's cursor. */
function readable(json: string): string {
  const { level, time, name: _, msg = '', ...rest } = JSON.parse(json) as Record<string, unknown>
  const clock = String(time).slice(11, 23)
  const extras = Object.entries(rest).map(([key, value]) => ` ${key}=${shown(value)}`)
  return `${printable(`${clock} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${extras.join('')}`)}\n`
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)
}

/** Records choose their own text, so control characters are shown as escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    character => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}
