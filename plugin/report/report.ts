import { calibrationSection } from './calibration-section.js'
import { factsSection } from './facts-section.js'
import { escapeHtml } from './html.js'
import { learningSection } from './learning-section.js'
import type { ReportData } from './report-data.js'
import { PAGE_STYLE } from './style.js'
import { surprisingSection } from './surprising-section.js'
import { vocabularySection } from './vocabulary-section.js'

/** Whatever the log held, the page runs no script and loads nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** The report on a training: one HTML page that needs nothing else, a few hundred kilobytes at the most. */
export function renderReport(data: ReportData): string {
  const title = `LogNEO model ${data.id}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body><main>
<header><h1>${escapeHtml(title)}</h1><p>What was learnt, from what, and how far it can be trusted</p></header>
${[factsSection, learningSection, calibrationSection, surprisingSection, vocabularySection].map(section => section(data)).join('\n')}
<footer>Made by logneo train. This page holds templates and sessions of your log: treat it as you treat the log.</footer>
</main></body>
</html>
`
}
