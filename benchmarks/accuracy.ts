import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRecording, recordedLines } from '../plugin/cli/demo-recording.js'
import { evaluateCommand } from '../plugin/cli/evaluate.js'
import { trainCommand } from '../plugin/cli/train.js'
import { type Evaluation, evaluateSessions, type SessionOutcome } from '../plugin/evaluation.js'
import { writeModel } from '../plugin/model.js'
import { createStage } from '../plugin/stage.js'
import { readTrainingLog } from '../plugin/training-log.js'
import type { SessionSummary } from '../plugin/verdict.js'
import { train } from '../scorer/train/train.js'

export interface AccuracyOptions {
  /** Sequence files, `id,label,keys` rows. */
  readonly train?: readonly string[]
  readonly normal?: readonly string[]
  readonly abnormal?: readonly string[]
  readonly normalPopulation?: number
  readonly seed: number
  /** One pass over the training data, to see that all works. */
  readonly smoke?: boolean
}

const METHOD = 'LogNEO'
const NOTE = "only LogNEO so far: the other methods of the paper's Table II are to come"

/** Session-level figures, one row a method under its name in the paper's Table II: of the sequence files given, and of the bundled recording. */
export async function run(options: AccuracyOptions): Promise<Record<string, unknown>> {
  const { normal, abnormal } = options
  if (options.train !== undefined && (normal === undefined || abnormal === undefined)) {
    throw new RangeError('--train goes with --normal and --abnormal')
  }
  const folder = await mkdtemp(join(tmpdir(), 'logneo-accuracy-'))
  try {
    const rows = [row('PostgreSQL recording', await onRecording(options, join(folder, 'recording')))]
    if (options.train !== undefined)
      rows.push(row('given files', await onSequences(options, join(folder, 'given'))))
    return { note: NOTE, isSmokeTest: options.smoke === true, seed: options.seed, rows }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Trained on its quiet part; the rest goes through the stage line by line. */
async function onRecording({ seed, smoke }: AccuracyOptions, model: string): Promise<Evaluation> {
  const recording = await openRecording()
  const log = await readTrainingLog(() => recordedLines(recording, 0, recording.numTrainingLines), {
    rules: { format: 'postgresql', session: { kind: 'regex', pattern: recording.sessionRegex } },
    drain: {},
    isComplete: true,
    seed,
  })
  await writeModel(model, await train(log.sequences, { seed, ...(smoke === true && { epochs: 1 }) }), log)
  const stage = await createStage({ model })
  const normal: SessionOutcome[] = []
  const abnormal: SessionOutcome[] = []
  const lines = recordedLines(recording, recording.numTrainingLines, Number.POSITIVE_INFINITY)
  for await (const { logneo } of stage.processAll(lines, { complete: true })) {
    if (!('kind' in logneo)) continue
    const label = recording.labels.get(logneo.session)
    if (label !== undefined) (label === '' ? normal : abnormal).push(outcome(logneo))
  }
  await stage.close()
  return evaluateSessions(normal, abnormal)
}

function outcome({ anomaly, score, reasons }: SessionSummary): SessionOutcome {
  return { isFlagged: anomaly, score, reasons: new Set(reasons) }
}

/** By the commands `train` and `evaluate`. */
async function onSequences(options: AccuracyOptions, model: string): Promise<Evaluation> {
  const { normalPopulation, seed, smoke } = options
  const json = `${model}.json`
  await trainCommand({
    sequences: options.train!,
    out: model,
    seed,
    progress: false,
    ...(smoke === true && { epochs: 1 }),
  })
  await evaluateCommand({
    model,
    normal: options.normal!,
    abnormal: options.abnormal!,
    detect: {},
    json,
    ...(normalPopulation !== undefined && { normalPopulation }),
  })
  return JSON.parse(await readFile(json, 'utf8')) as Evaluation
}

function row(data: string, evaluation: Evaluation) {
  const { normal, abnormal, truePositives, falsePositives, f1Interval } = evaluation
  const rounded = (value: number): number => Number(value.toFixed(4))
  return {
    data,
    method: METHOD,
    normal,
    abnormal,
    truePositives,
    falsePositives,
    precision: rounded(evaluation.precision),
    recall: rounded(evaluation.recall),
    f1: rounded(evaluation.f1),
    f1Low: rounded(f1Interval[0]),
    f1High: rounded(f1Interval[1]),
    rocAuc: rounded(evaluation.rocAuc),
    prAuc: rounded(evaluation.prAuc),
  }
}
