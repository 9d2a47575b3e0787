import type { BundleExtras } from '../../scorer/bundle.js'
import { renderReport } from './report.js'
import type { ReportData } from './report-data.js'

export const REPORT_FILE = 'report.html'

/** All a report is made of but the bundle's id, which comes last. */
export type ReportFacts = Omit<ReportData, 'id'>

/** The report as a bundle's document. If it cannot be made, `warn` is told and the model goes without: a training is worth more than its report. */
export function reportDocuments(
  facts: ReportFacts,
  warn: (message: string) => void,
): NonNullable<BundleExtras['documents']> {
  return id => {
    try {
      return { [REPORT_FILE]: Buffer.from(renderReport({ ...facts, id })) }
    } catch (error) {
      warn(`no report could be made: ${error instanceof Error ? error.message : String(error)}`)
      return {}
    }
  }
}
