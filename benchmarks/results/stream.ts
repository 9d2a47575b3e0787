import { evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import { readLines } from '../../plugin/input/lines.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import { summaries, trainedOnLines } from './lines.js'
import { percent, type Section, spread, table } from './section.js'

const SESSION = /blk_-?\d+/
const READING = {
  rules: { format: 'hdfs', session: { kind: 'regex', pattern: SESSION.source } },
  isComplete: false,
} as const

export interface StreamFiles {
  /** Raw lines of HDFS in the order of time. */
  readonly stream: string
  /** Rows `block,label` after a header. */
  readonly labels: string
}

/** The raw stream of HDFS: its first half trains as it stands, the second half is judged line by line; without trimming with the first seed alone. */
export async function streamSection(
  { stream, labels }: StreamFiles,
  seeds: readonly number[],
): Promise<Section> {
  const isAbnormal = await readLabels(labels)
  const lines: string[] = []
  for await (const line of readLines([stream])) lines.push(line)
  const [first, second] = [lines.slice(0, lines.length / 2), lines.slice(lines.length / 2)]
  const begun = sessionsOf(first)
  const runs: Run[] = []
  for (const { seed, isTrimmed } of [
    ...seeds.map(seed => ({ seed, isTrimmed: true })),
    { seed: seeds[0]!, isTrimmed: false },
  ]) {
    const model = await trainedOnLines(() => each(first), READING, { isTrimmed, seed })
    const judged = await summaries(model.path, each(second))
    runs.push({
      seed,
      isTrimmed,
      numTraining: model.numSessions,
      numTrimmed: model.trimmedIds.length,
      numAnomaliesTrimmed: model.trimmedIds.filter(id => isAbnormal.get(id)).length,
      ...figures(
        judged.filter(({ session }) => !begun.has(session)),
        isAbnormal,
      ),
    })
  }
  const numCut = [...sessionsOf(second)].filter(session => begun.has(session)).length
  return describe(runs, { numLines: lines.length, numCut, numAbnormal: countAbnormal(begun, isAbnormal) })
}

async function readLabels(path: string): Promise<Map<string, boolean>> {
  const labels = new Map<string, boolean>()
  for await (const row of readLines([path])) {
    const [session, label] = row.split(',')
    if (label === '0' || label === '1') labels.set(session!, label === '1')
  }
  return labels
}

function sessionsOf(lines: readonly string[]): Set<string> {
  return new Set(lines.flatMap(line => SESSION.exec(line)?.[0] ?? []))
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

function countAbnormal(sessions: ReadonlySet<string>, isAbnormal: ReadonlyMap<string, boolean>): number {
  return [...sessions].filter(session => isAbnormal.get(session)).length
}

function figures(judged: readonly SessionSummary[], isAbnormal: ReadonlyMap<string, boolean>) {
  const outcomes = (wanted: boolean): SessionOutcome[] =>
    judged
      .filter(({ session }) => isAbnormal.get(session) === wanted)
      .map(({ anomaly, score, reasons }) => ({ isFlagged: anomaly, score, reasons: new Set(reasons) }))
  return evaluateSessions(outcomes(false), outcomes(true))
}

type Run = ReturnType<typeof figures> & {
  readonly seed: number
  readonly isTrimmed: boolean
  readonly numTraining: number
  readonly numTrimmed: number
  readonly numAnomaliesTrimmed: number
}

/** F1 of several seeds in a few words. */
function meanOf(runs: readonly Run[]): string {
  const { mean, deviation } = spread(runs.map(({ f1 }) => f1))
  return runs.length === 1 ? '' : ` F1 at defaults ${mean.toFixed(4)} ± ${deviation.toFixed(4)}.`
}

function describe(
  runs: readonly Run[],
  { numLines, numCut, numAbnormal }: { numLines: number; numCut: number; numAbnormal: number },
): Section {
  const { normal, abnormal } = runs[0]!
  const text = `${numLines} raw lines in the order of time. The first half trains as it stands, with ${numAbnormal} anomalous sessions in it. In the
second half the ${normal} normal and ${abnormal} anomalous sessions that begin there are judged (\`--complete\`); ${numCut} that the
cut through the middle leaves without their beginning are not.${meanOf(runs.filter(run => run.isTrimmed))}

${table(
  [
    'seed',
    'trimmed',
    'sessions trained on',
    'anomalies trimmed',
    'normal trimmed',
    'precision',
    'recall',
    'F1',
    'flagged normal',
  ],
  runs.map(run => [
    run.seed,
    run.isTrimmed ? 'yes, the default' : 'no',
    run.numTraining,
    run.numAnomaliesTrimmed,
    run.numTrimmed - run.numAnomaliesTrimmed,
    run.precision.toFixed(4),
    run.recall.toFixed(4),
    run.f1.toFixed(4),
    `${run.falsePositives} (${percent(run.falsePositives / run.normal)})`,
  ]),
)}`
  return { name: 'stream', title: 'HDFS: the raw stream', text, figures: { numCut, runs } }
}
