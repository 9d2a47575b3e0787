import { createStage, type Stage, type TaggedRecord } from '../../plugin/stage.js'
import { type LineSource, readTrainingLog, type TrainingLogOptions } from '../../plugin/training-log.js'
import type { SessionSummary } from '../../plugin/verdict.js'
import type { JudgeOptions } from '../../scorer/judge.js'
import { findOutliers } from '../../scorer/train/trim.js'
import { trainedOn } from './model-cache.js'

/** How lines are read, as `train` is told. */
export type Reading = Pick<TrainingLogOptions, 'rules' | 'isComplete'>

export interface LineModel {
  readonly path: string
  readonly numSessions: number
  readonly trimmedIds: readonly string[]
}

/** As `train --input` does, with trimming or as with `--no-trim`. */
export async function trainedOnLines(
  source: LineSource,
  reading: Reading,
  { isTrimmed, seed }: { readonly isTrimmed: boolean; readonly seed: number },
): Promise<LineModel> {
  const log = await readTrainingLog(source, { ...reading, drain: {}, seed })
  const sequences = log.sequences.filter(({ keys }) => keys.length > 0)
  const outliers = isTrimmed ? findOutliers(sequences) : new Set<number>()
  const { path } = await trainedOn(sequences, { seed, trim: isTrimmed }, log)
  return {
    path,
    numSessions: sequences.length - outliers.size,
    trimmedIds: [...outliers].map(i => sequences[i]!.id!),
  }
}

/** Sends lines through a stage, in calls of so many, and ends the input. */
export async function* replayed(
  stage: Stage,
  lines: AsyncIterable<string>,
  linesPerCall: number,
): AsyncGenerator<TaggedRecord> {
  let call: string[] = []
  for await (const line of lines) {
    if (call.push(line) < linesPerCall) continue
    yield* await stage.process(call)
    call = []
  }
  yield* await stage.process(call)
  for (const logneo of await stage.finish('complete')) yield { logneo }
}

/** The summaries of a log's sessions. */
export async function summaries(
  model: string,
  lines: AsyncIterable<string>,
  detect: JudgeOptions = {},
): Promise<SessionSummary[]> {
  const stage = await createStage({ model, detect })
  const found: SessionSummary[] = []
  for await (const { logneo } of replayed(stage, lines, 500)) if ('kind' in logneo) found.push(logneo)
  await stage.close()
  return found
}
