import { NullDistribution } from '../../scorer/null-distribution.js'
import type { SurprisingSession } from '../../scorer/trained-model.js'
import { sequenceSurprises } from '../../scorer/validation.js'
import { counted, type Html, integer, logText, oneIn, percent } from './html.js'
import type { ReportData } from './report-data.js'
import { templateText } from './template-text.js'

/** Events shown before and after the most surprising one. */
const EVENTS_BEFORE = 12
const EVENTS_AFTER = 5
const MAX_ID_LENGTH = 80

/** The strangest sessions of the training log, as the models saw them that were not trained on them. */
export function surprisingSection(data: ReportData): Html {
  const sessions = data.model.details?.surprising ?? []
  if (sessions.length === 0) return ''
  const normals = NullDistribution.of(sequenceSurprises(data.model.validation))
  return `<section><h2>Most surprising sessions</h2>
<p>The sessions of the training log that looked strangest to models not trained on them; alike ones are shown once. Look them through: are they rare but fine? If one is a fault, it has been learnt as normal; remove it and train again.</p>
${sessions.map((session, i) => sessionCard(session, i === 0, normals, data)).join('\n')}</section>`
}

function sessionCard(
  session: SurprisingSession,
  isOpen: boolean,
  normals: NullDistribution,
  data: ReportData,
): Html {
  const { keys, surprises, worst, id } = session
  const largest = surprises[worst] ?? 0
  const first = Math.max(0, worst - EVENTS_BEFORE)
  const last = Math.min(surprises.length, worst + EVENTS_AFTER + 1)
  const rows: Html[] = []
  for (let i = first; i < last; i++) rows.push(eventRow(session, i, data))
  const p = normals.pValue(largest)
  return `<details class="session"${isOpen ? ' open' : ''}><summary><b>${id === undefined ? 'Session' : logText(id, MAX_ID_LENGTH)}</b> <span class="nowrap">${largest.toFixed(1)} nats</span>, ${worst === keys.length ? 'at its end' : `event ${integer(worst + 1)} of ${integer(keys.length)}`}; ${oneIn(1 / p)} sessions is so strange${p <= data.falseAlarmRate ? ' <span class="tag">beyond the false-alarm rate</span>' : ''}</summary>
<ol class="events" start="${first + 1}">
${skipped(first, 'before')}${rows.join('\n')}
${skipped(surprises.length - last, 'after')}</ol></details>`
}

function skipped(count: number, where: string): Html {
  return count === 0 ? '' : `<li class="skipped">… ${counted(count, 'event')} ${where}</li>`
}

function eventRow(session: SurprisingSession, i: number, data: ReportData): Html {
  const { keys, surprises, worst } = session
  const surprise = surprises[i] ?? 0
  const key = keys[i]
  const text = key === undefined ? '<em>end of the session</em>' : templateText(key, data)
  const scale = surprises[worst] ?? 0
  const width = scale > 0 ? Math.min(100, Math.max(0, (100 * surprise) / scale)) : 0
  const bar = `<span class="bar"><span style="width:${width.toFixed(1)}%"></span></span><span class="value">${Math.max(0, surprise).toFixed(1)}</span>`
  const event = `<span class="number">${integer(i + 1)}</span><span class="template">${text}</span>${bar}`
  return i === worst
    ? `<li class="worst">${event}${expectedInstead(session, data)}</li>`
    : `<li>${event}</li>`
}

function expectedInstead({ expected }: SurprisingSession, data: ReportData): Html {
  if (expected.length === 0) return ''
  const items = expected.map(
    ({ key, probability }) =>
      `<li><span class="value">${percent(probability)}</span> ${key === undefined ? '<em>end of the session</em>' : templateText(key, data)}</li>`,
  )
  return `<div class="expected">expected instead<ul>${items.join('')}</ul></div>`
}
