import type { Alert, AlertGroup } from './alert.js'

const MAX_TEMPLATE_LENGTH = 120

/** One line: what a phone shows. */
export function title({ severity, groups, numMore }: Alert): string {
  const [first] = groups
  const others = groups.length - 1 + numMore
  const what = first === undefined ? '' : subject(first)
  return `${severity.toUpperCase()}: ${what}${others > 0 ? ` and ${others} more` : ''}`
}

function subject({ worst, count }: AlertGroup): string {
  const what = worst.template === undefined ? 'unusual session' : shortened(worst.template)
  return `${worst.reasons[0] ?? 'anomaly'}: ${what}${times(count)}`
}

const shortened = (text: string): string =>
  text.length > MAX_TEMPLATE_LENGTH ? `${text.slice(0, MAX_TEMPLATE_LENGTH)}...` : text

const times = (count: number): string => (count > 1 ? ` (${count.toLocaleString('en-US')} times)` : '')

/** What is said of a group before its lines. */
export function explanation({ worst, count, firstMs, lastMs }: AlertGroup): string[] {
  const { severity, score, session, reasons, message, tag, model } = worst
  const span =
    count > 1
      ? `${count.toLocaleString('en-US')} times, ${isoTime(firstMs)} to ${isoTime(lastMs)}`
      : isoTime(firstMs)
  return [
    `${severity}, score ${score.toFixed(1)}, ${reasons.join(', ')}`,
    message,
    `session ${session}${tag === undefined ? '' : `, tag ${tag}`}${model === undefined ? '' : `, model ${model}`}`,
    span,
  ]
}

/** The lines of the worst finding, the flagged one marked. */
export function logLines({ worst: { line, context } }: AlertGroup): string[] {
  return [...context.map(before => `  ${before}`), ...(line === undefined ? [] : [`> ${line}`])]
}

/** The whole alert as plain text. */
export function plainText(alert: Alert): string {
  const groups = alert.groups.map(group =>
    [
      subject(group),
      ...explanation(group).map(text => `  ${text}`),
      '',
      ...logLines(group).map(text => `  ${text}`),
    ].join('\n'),
  )
  const more = alert.numMore > 0 ? [`... and ${alert.numMore} more kinds of anomalies`] : []
  return `${[...groups, ...more].join('\n\n')}\n`
}

const isoTime = (timeMs: number): string =>
  Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs)
