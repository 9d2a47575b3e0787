import { escapeHtml, type Html, logText } from './html.js'
import type { ReportData } from './report-data.js'

/** What stands in a template where lines differ. */
const WILDCARD = escapeHtml('<*>')
/** Characters shown of a template. */
const MAX_LENGTH = 300

/** A log key as people know it: its template with the places that vary set apart, else the key itself. */
export function templateText(key: string, { template }: Pick<ReportData, 'template'>): Html {
  const text = logText(template(key) ?? key, MAX_LENGTH)
  return text.replaceAll(WILDCARD, `<i class="any">${WILDCARD}</i>`)
}
