import { openRecording, type Recording, recordedLines } from '../../plugin/cli/demo-recording.js'
import { type Evaluation, evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { summaries, trainedOnLines } from './lines.js'
import { type Section, table } from './section.js'

const ERROR_LEVEL = /\b(?:ERROR|FATAL|PANIC):/

/** How the recording's lines are read. */
export function recordingReading({ sessionRegex }: Recording) {
  return {
    rules: { format: 'postgresql', session: { kind: 'regex', pattern: sessionRegex } },
    isComplete: true,
  } as const
}

/** The bundled recording: trained on its part without faults, and on all of it as it stands. */
export async function recordingSection(seed: number): Promise<Section> {
  const recording = await openRecording()
  const second = (): AsyncGenerator<string> =>
    recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)
  const rows: { readonly method: string; readonly evaluation: Evaluation; readonly numTrimmed?: number }[] = [
    { method: 'a line of level ERROR or worse', evaluation: await byLevel(recording, second()) },
  ]
  for (const { method, to, isTrimmed } of [
    { method: 'LogNEO, trained before the faults', to: recording.numTrainingLines, isTrimmed: true },
    { method: 'LogNEO, trained on the whole log', to: Number.POSITIVE_INFINITY, isTrimmed: true },
    { method: 'the same without trimming', to: Number.POSITIVE_INFINITY, isTrimmed: false },
  ]) {
    const source = (): AsyncGenerator<string> => recordedLines(recording, 0, to)
    const model = await trainedOnLines(source, recordingReading(recording), { isTrimmed, seed })
    const evaluation = evaluateRecording(recording, await summaries(model.path, second()))
    rows.push({ method, evaluation, numTrimmed: model.trimmedIds.length })
  }
  return describe(rows)
}

async function byLevel(recording: Recording, lines: AsyncGenerator<string>): Promise<Evaluation> {
  const pattern = new RegExp(recording.sessionRegex)
  const hasError = new Map<string, boolean>()
  for await (const line of lines) {
    const session = pattern.exec(line)?.[1]
    if (session !== undefined)
      hasError.set(session, (hasError.get(session) ?? false) || ERROR_LEVEL.test(line))
  }
  return evaluate(
    recording,
    [...hasError].map(([session, isFlagged]) => ({
      session,
      outcome: { isFlagged, score: isFlagged ? 1 : 0, reasons: new Set<string>() },
    })),
  )
}

/** What the summaries of the recording's sessions come to. */
export function evaluateRecording(recording: Recording, judged: readonly SessionSummary[]): Evaluation {
  return evaluate(
    recording,
    judged.map(({ session, anomaly, score, reasons }) => ({
      session,
      outcome: { isFlagged: anomaly, score, reasons: new Set(reasons) },
    })),
  )
}

/** Sessions without a label, those of the server's own processes, do not count. */
function evaluate(
  { labels }: Recording,
  judged: readonly { readonly session: string; readonly outcome: SessionOutcome }[],
): Evaluation {
  const ofLabel = (isWanted: (fault: string) => boolean): SessionOutcome[] =>
    judged.flatMap(({ session, outcome }) => {
      const fault = labels.get(session)
      return fault !== undefined && isWanted(fault) ? [outcome] : []
    })
  return evaluateSessions(
    ofLabel(fault => fault === ''),
    ofLabel(fault => fault !== ''),
  )
}

function describe(
  rows: readonly { readonly method: string; readonly evaluation: Evaluation; readonly numTrimmed?: number }[],
): Section {
  const { normal, abnormal } = rows[0]!.evaluation
  const text = `The bundled [recording](../benchmarks/recordings/README.md): its second part is judged, ${normal} ordinary sessions and ${abnormal} with
faults. One seed.

${table(
  ['', 'trimmed', 'precision', 'recall', 'F1', 'ROC-AUC', 'falsely flagged'],
  rows.map(({ method, evaluation, numTrimmed }) => [
    method,
    numTrimmed ?? '',
    evaluation.precision.toFixed(4),
    evaluation.recall.toFixed(4),
    evaluation.f1.toFixed(4),
    evaluation.rocAuc.toFixed(4),
    evaluation.falsePositives,
  ]),
)}`
  return { name: 'recording', title: 'PostgreSQL recording', text, figures: { rows } }
}
