import type { Severity } from '../../scorer/judge.js'
import { severityRank } from './alert.js'

/** A part of every day in which alerts are held back. */
export interface QuietHours {
  /** `22:00`; the part may go past midnight. */
  readonly from: string
  /** `07:00`, which is no longer quiet. */
  readonly to: string
  /** Name of the IANA database, `Europe/Berlin`. Default that of the machine. */
  readonly timeZone?: string
  /** From this severity on alerts go out all the same. Default: none do. */
  readonly except?: Severity
}

const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)$/

/** Why a text is no time of day, if it is none. */
export const clockFault = (text: string): string | undefined =>
  CLOCK.test(text) ? undefined : 'a time of day such as 22:00'

/** Why a text is no time zone, if it is none. */
export function timeZoneFault(name: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return undefined
  } catch {
    return 'a time zone such as Europe/Berlin or UTC'
  }
}

export function quietHoursFault({ from, to, timeZone }: QuietHours): string | undefined {
  return clockFault(from) ?? clockFault(to) ?? (timeZone === undefined ? undefined : timeZoneFault(timeZone))
}

/** Tells whether alerts of a severity are to wait at a time. */
export type QuietCheck = (severity: Severity, timeMs: number) => boolean

/** Without quiet hours nothing ever waits. */
export function quietCheck(hours: QuietHours | undefined): QuietCheck {
  if (hours === undefined) return () => false
  const { from, to, timeZone, except } = hours
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return (severity, timeMs) => {
    if (except !== undefined && severityRank(severity) >= severityRank(except)) return false
    const now = clock.format(timeMs)
    return from <= to ? now >= from && now < to : now >= from || now < to
  }
}
