import type { KeyCount } from '../../scorer/trained-model.js'
import { counted, type Html, integer, percent } from './html.js'
import type { ReportData } from './report-data.js'
import { templateText } from './template-text.js'

/** Rows in the page, and rows that can be seen without opening the rest. */
const MAX_ROWS = 500
const VISIBLE_ROWS = 25

/** The kinds of line the model knows, the most common first. */
export function vocabularySection(data: ReportData): Html {
  const { details, training, vocabulary } = data.model
  const counts = (details?.keyCounts ?? []).toSorted(
    (a, b) => b.numSessions - a.numSessions || b.numEvents - a.numEvents,
  )
  const numOnce = counts.filter(({ numSessions }) => numSessions === 1).length
  const rows = counts.slice(0, MAX_ROWS).map(count => row(count, training.numSessions, data))
  const rest = counts.slice(MAX_ROWS)
  return `<section><h2>Vocabulary</h2>
<p>${counted(vocabulary.keys.length, 'log key')}: the kinds of line the model knows; any other is new to it. ${integer(numOnce)} of them ${numOnce === 1 ? 'was' : 'were'} seen in one session only. Many such keys, or templates with names and numbers in them, mean that something that varies is taken for text: mask it (<code>--mask</code>).</p>
${table(rows.slice(0, VISIBLE_ROWS))}
${rows.length <= VISIBLE_ROWS ? '' : `<details><summary>${integer(rows.length - VISIBLE_ROWS)} more</summary>${table(rows.slice(VISIBLE_ROWS))}</details>`}
${rest.length === 0 ? '' : `<p class="muted">${counted(rest.length, 'rarer log key')} with ${counted(sumEvents(rest), 'event')} are not listed.</p>`}</section>`
}

function table(rows: readonly Html[]): Html {
  return `<table><thead><tr><th>kind of line</th><th class="num">events</th><th class="num">sessions</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

function row({ key, numEvents, numSessions }: KeyCount, numAll: number, data: ReportData): Html {
  const share = numSessions / numAll
  const inSessions =
    numSessions === 1
      ? '<span class="tag">one session only</span>'
      : `${percent(share)}<span class="bar"><span style="width:${(100 * share).toFixed(1)}%"></span></span>`
  return `<tr><td class="template">${templateText(key, data)}</td><td class="num">${integer(numEvents)}</td><td class="num">${inSessions}</td></tr>`
}

function sumEvents(counts: readonly KeyCount[]): number {
  return counts.reduce((sum, { numEvents }) => sum + numEvents, 0)
}
