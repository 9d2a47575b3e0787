import type { SessionSummary, Verdict } from '../verdict.js'

/** What came out of the stage for one session. */
export interface SessionResult {
  readonly lines: string[]
  isFlagged: boolean
  /** Its highest flag. */
  worst:
    | {
        readonly verdict: Pick<Verdict | SessionSummary, 'score' | 'severity' | 'message' | 'reasons'>
        readonly line: number
      }
    | undefined
  hasError: boolean
}

interface Counts {
  injected: number
  caught: number
}

export interface DemoFigures {
  readonly truePositives: number
  readonly falsePositives: number
  readonly falseNegatives: number
}

/** Table of what was injected and what was caught, by kind of fault. */
export function faultTable(
  results: ReadonlyMap<string, SessionResult>,
  labels: ReadonlyMap<string, string>,
): string {
  const kinds = new Map<string, Counts>()
  for (const [session, { isFlagged }] of results) {
    const fault = labels.get(session)
    if (fault === undefined || fault === '') continue
    const counts = kinds.get(fault) ?? { injected: 0, caught: 0 }
    counts.injected++
    if (isFlagged) counts.caught++
    kinds.set(fault, counts)
  }
  const rows = [...kinds].sort((a, b) => b[1].injected - a[1].injected)
  return [
    '  fault injected            sessions  caught',
    ...rows.map(
      ([fault, { injected, caught }]) =>
        `  ${fault.padEnd(24)}${String(injected).padStart(10)}${String(caught).padStart(8)}  ${'#'.repeat(caught)}${'.'.repeat(injected - caught)}`,
    ),
  ].join('\n')
}

/** Counts sessions by whether a rule flags them and whether a fault was injected; sessions of the server itself have no label. */
export function figures(
  results: ReadonlyMap<string, SessionResult>,
  labels: ReadonlyMap<string, string>,
  isFlagged: (result: SessionResult) => boolean,
): DemoFigures {
  const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0 }
  for (const [session, result] of results) {
    const fault = labels.get(session)
    if (fault === undefined) continue
    if (fault === '') counts.falsePositives += isFlagged(result) ? 1 : 0
    else if (isFlagged(result)) counts.truePositives++
    else counts.falseNegatives++
  }
  return counts
}

export function f1({ truePositives, falsePositives, falseNegatives }: DemoFigures): number {
  return (2 * truePositives) / (2 * truePositives + falsePositives + falseNegatives)
}

/** The caught session that tells most: one that no error line gives away, with the highest score. */
export function explained(
  results: ReadonlyMap<string, SessionResult>,
  labels: ReadonlyMap<string, string>,
): string {
  const caught = [...results].filter(
    ([session, { worst }]) => worst !== undefined && (labels.get(session) ?? '') !== '',
  )
  const quiet = caught.filter(([, { hasError }]) => !hasError)
  const [session, { lines, worst }] = (quiet.length > 0 ? quiet : caught).sort(
    (a, b) => b[1].worst!.verdict.score! - a[1].worst!.verdict.score!,
  )[0]!
  const { verdict, line } = worst!
  return [
    `  session ${session} (injected: ${labels.get(session)}), severity ${verdict.severity}, score ${verdict.score!.toFixed(1)}, by ${verdict.reasons!.join(', ')}`,
    `  ${verdict.message}`,
    ...lines
      .slice(Math.max(0, line - 3), line + 1)
      .map((text, i, shown) => `    ${i === shown.length - 1 ? '>' : ' '} ${text.slice(0, 170)}`),
  ].join('\n')
}
