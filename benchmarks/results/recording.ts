import { openRecording, type Recording, recordedLines } from '../../plugin/cli/demo-recording.js'
import { type Evaluation, evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import type { JudgeOptions } from '../../scorer/judge.js'
import { summaries, trainedOnLines } from './lines.js'
import { RATE_COLUMNS, RATES, rateCheck, rateRows } from './rate-check.js'
import { type Section, spread, table } from './section.js'

const ERROR_LEVEL = /\b(?:ERROR|FATAL|PANIC):/

/** How the recording's lines are read. */
export function recordingReading({ sessionRegex }: Recording) {
  return {
    rules: { format: 'postgresql', session: { kind: 'regex', pattern: sessionRegex } },
    isComplete: true,
  } as const
}

/** What one model makes of the second part. */
interface Run {
  readonly atDefaults: Evaluation
  /** At the rates asked for, in their order. */
  readonly atRates: readonly Evaluation[]
  readonly numSessions: number
  readonly numTrimmed: number
}

/** A log that holds its anomalies needs a rate at which they have room. */
const DIRTY_RATE = 0.05

/** The bundled recording: trained on its part without faults with each seed, and once on all of it as it stands. */
export async function recordingSections(seeds: readonly number[]): Promise<Section[]> {
  const recording = await openRecording()
  const byLevel = await judgedByLevel(recording)
  const quiet: Run[] = []
  for (const seed of seeds)
    quiet.push(await run(recording, { to: recording.numTrainingLines, seed, rates: RATES }))
  const whole = await run(recording, { to: Number.POSITIVE_INFINITY, seed: seeds[0]!, rates: [DIRTY_RATE] })
  return [accuracy(seeds, byLevel, quiet, whole), falseAlarms(seeds, quiet)]
}

function secondPart(recording: Recording): AsyncGenerator<string> {
  return recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)
}

async function run(
  recording: Recording,
  { to, seed, rates }: { to: number; seed: number; rates: readonly number[] },
): Promise<Run> {
  const source = (): AsyncGenerator<string> => recordedLines(recording, 0, to)
  const model = await trainedOnLines(source, recordingReading(recording), { isTrimmed: true, seed })
  const judge = async (detect: JudgeOptions): Promise<Evaluation> =>
    evaluateRecording(recording, await summaries(model.path, secondPart(recording), detect))
  const atRates: Evaluation[] = []
  for (const falseAlarmRate of rates) atRates.push(await judge({ falseAlarmRate }))
  const { numSessions, trimmedIds } = model
  return { atDefaults: await judge({}), atRates, numSessions, numTrimmed: trimmedIds.length }
}

async function judgedByLevel(recording: Recording): Promise<Evaluation> {
  const pattern = new RegExp(recording.sessionRegex)
  const hasError = new Map<string, boolean>()
  for await (const line of secondPart(recording)) {
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

function accuracy(seeds: readonly number[], byLevel: Evaluation, quiet: readonly Run[], whole: Run): Section {
  const { normal, abnormal } = byLevel
  const evaluations = quiet.map(({ atDefaults }) => atDefaults)
  const row = (method: string, of: readonly Evaluation[], numTrimmed: number | string) => [
    method,
    numTrimmed,
    ...(['precision', 'recall', 'f1', 'rocAuc'] as const).map(measure =>
      spreadOf(of.map(one => one[measure])),
    ),
    of.map(({ falsePositives }) => falsePositives).join(', '),
  ]
  const text = `The bundled [recording](../benchmarks/recordings/README.md): its second part is judged, ${normal} ordinary sessions and ${abnormal} with
faults. Seeds ${seeds.join(', ')} where it is trained on its first part, without faults; else seed ${seeds[0]} alone.

${table(
  ['', 'trimmed', 'precision', 'recall', 'F1', 'ROC-AUC', 'falsely flagged'],
  [
    row('a line of level ERROR or worse', [byLevel], ''),
    row('LogNEO, trained before the faults', evaluations, quiet.map(one => one.numTrimmed).join(', ')),
    row('LogNEO, trained on the whole log', [whole.atDefaults], whole.numTrimmed),
    row(`the same, at a false-alarm rate of ${DIRTY_RATE}`, whole.atRates, whole.numTrimmed),
  ],
)}

The whole log holds its faults, 20 kinds of them, each 2 to 24 times: as often as its rarer tasks. Nothing in the keys tells seldom work from
recurring faults, so that none are trimmed, and at the default rate they pass as what this server does.`
  const figures = { byLevel, quiet: evaluations, whole: [whole.atDefaults, ...whole.atRates] }
  return { name: 'recording', title: 'PostgreSQL recording', text, figures }
}

function spreadOf(values: readonly number[]): string {
  const { mean, deviation } = spread(values)
  return values.length === 1 ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`
}

function falseAlarms(seeds: readonly number[], runs: readonly Run[]): Section {
  const checks = runs.map(({ atRates, numSessions }) =>
    atRates.map((evaluation, i) => rateCheck(RATES[i]!, evaluation, numSessions)),
  )
  const text = `How many of the ${runs[0]!.atDefaults.normal} ordinary sessions of the second part are flagged at a false-alarm rate by the same models (seeds
${seeds.join(', ')}), against the 95 % interval that follows from the sizes of both samples; and the mean recall on the faults.

${table(RATE_COLUMNS, rateRows(checks))}`
  return {
    name: 'recording-false-alarms',
    title: 'PostgreSQL recording: false alarms as asked',
    text,
    figures: checks.map((byRate, i) => ({ seed: seeds[i], byRate })),
  }
}
