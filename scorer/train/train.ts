import { CompositionStatistics } from '../composition/statistics.js'
import { Tally } from '../composition/tally.js'
import { NextKey } from '../detectors/next-key.js'
import { TrainingDataError } from '../errors.js'
import { ADAPTER_ALPHA } from '../model/adapters.js'
import type { GptNeoConfig } from '../model/config.js'
import { Random } from '../random.js'
import { segmentFigures, type TokenSequence } from '../segments.js'
import type { TrainedModel } from '../trained-model.js'
import { Transitions } from '../transitions.js'
import { makeValidation } from '../validation.js'
import { UNKNOWN, Vocabulary } from '../vocabulary.js'
import { openCheckpoint, type TaskCheckpoint } from './checkpoint-directory.js'
import type { FitResult, FitTask } from './fit.js'
import { fitAll, numParallel, type PoolProgress } from './fit-pool.js'
import { judgeHeldOut } from './held-out-statistics.js'
import { modelConfig, originOf } from './initial.js'
import { countKeys } from './key-counts.js'
import { type BeyondKeys, isWhole, type KeySequence } from './key-sequence.js'
import type { MleResult } from './mle.js'
import {
  completeTrainOptions,
  HELD_OUT_SHARE,
  type ResolvedTrainOptions,
  resolveBatchSize,
  resolveEpochs,
  resolveFolds,
  resolveThreads,
  type TrainOptions,
} from './options.js'
import { surprisingSessions } from './surprising.js'
import { findOutliers } from './trim.js'

export type { BeyondKeys, KeySequence }

/** Fewer sessions say nothing about what is normal. */
export const MIN_SESSIONS = 20

/** Told the steps done in all trainings together and those to be done in all, fewer once one stops early, and the latest one's own progress. */
export type TrainListener = PoolProgress

/** What maximum likelihood came to in each of a training's models. */
export type MleResults = MleResult[]

/**
 * Trains on sessions taken as normal.
 *
 * @param mle filled by a training without reinforcement; given to later ones on the same sessions and with the same options, these start from there
 * @throws TrainingDataError when there are fewer than 20 @throws PretrainedError when the checkpoint to start from cannot be used
 */
export async function train(
  sequences: readonly KeySequence[],
  options: TrainOptions = {},
  onProgress: TrainListener = () => {},
  mle: MleResults = [],
): Promise<TrainedModel> {
  const started = performance.now()
  const deadlineMs = deadline(options.timeBudgetSeconds)
  const resolved = completeTrainOptions(options)
  const nonEmpty = sequences.filter(({ keys }) => keys.length > 0)
  const outliers = resolved.trim ? findOutliers(nonEmpty) : new Set<number>()
  const usable = nonEmpty.filter((_, i) => !outliers.has(i))
  if (usable.length < MIN_SESSIONS) {
    throw new TrainingDataError(
      `${usable.length === 1 ? '1 session is' : `${usable.length} sessions are`} too few to train on; give at least ${MIN_SESSIONS} (some thousands are good), or check how sessions are told apart`,
    )
  }
  const shuffled = new Random(resolved.seed).shuffle([...usable])
  const vocabulary = Vocabulary.of(usable.map(({ keys }) => keys))
  const config = await modelConfig(options, vocabulary.size)
  const origin = await originOf(resolved.init)
  const splits = divide(shuffled, resolveFolds(resolved.folds, shuffled.length))
  const { count, meanLength } = segmentFigures(
    shuffled.map(({ keys, ended }) => ({ length: keys.length, ended })),
    config.contextLength,
  )
  const batchSize = resolveBatchSize(resolved.batchSize, meanLength)
  const epochs = resolveEpochs(resolved.epochs, Math.ceil(count / batchSize))
  const numTasks = splits.length === 1 ? 1 : splits.length + 1
  const threads = resolveThreads(resolved.threads, config.hiddenSize, numParallel(numTasks))
  const fitOptions = { ...resolved, epochs, batchSize, threads }
  const files =
    resolved.checkpoint &&
    (await openCheckpoint(resolved.checkpoint, { ...resolved, origin }, shuffled, numTasks))
  const tasks = splits.map(split => makeTask(split, vocabulary, config, fitOptions))
  const whole =
    tasks.length === 1 ? [] : [makeTask({ training: shuffled, heldOut: [] }, vocabulary, config, fitOptions)]
  const allTasks = withFiles([...whole, ...tasks], files).map((task, i) => ({ ...task, mle: mle[i] }))
  const { results, final } = await fitModels(allTasks, deadlineMs, onProgress)
  if (resolved.reinforcement === 'none')
    mle.splice(0, mle.length, ...(tasks.length === 1 ? [] : [final]), ...results)

  const keyCounts = countKeys(usable)
  const composition = compose(usable, vocabulary)
  const heldOut = results.flatMap(({ scores, parameters }, fold) => {
    const { training, heldOut } = tasks[fold]!
    const nextKey = new NextKey(Transitions.of(training, vocabulary.size))
    return heldOut.map((sequence, i) => {
      const score = nextKey.score(sequence, scores[i]!)
      return { source: splits[fold]!.heldOut[i]!, sequence, score, parameters, nextKey }
    })
  })
  const all = toTokens(shuffled, key => vocabulary.id(key))
  const transitions = Transitions.of(all, vocabulary.size)
  const corpus = { keyCounts, composition, transitions, vocabulary }
  const { judged, unknownSurprise } = judgeHeldOut(heldOut, corpus)
  return {
    config,
    parameters: final.parameters,
    vocabulary,
    composition,
    transitions,
    validation: makeValidation(judged.map(({ statistics }) => statistics)),
    unknownSurprise,
    training: {
      options: recordedOptions(fitOptions),
      ...(origin && { startedFrom: origin }),
      numSessions: usable.length,
      numTrimmed: outliers.size,
      numEvents: usable.reduce((sum, { keys }) => sum + keys.length, 0),
      numValidationSessions: judged.length,
      numSteps: final.numSteps,
      numPlannedSteps: final.numPlannedSteps,
      epochs: final.epochs,
      foldEpochs: results.map(({ epochs }) => epochs),
      ...reinforcementOf(final, results),
      seconds: (performance.now() - started) / 1000,
    },
    details: {
      keyCounts,
      numEventsOfLongest: usable.reduce((longest, { keys }) => Math.max(longest, keys.length), 0),
      surprising: await surprisingSessions(
        config,
        vocabulary,
        heldOut.map((session, i) => ({ ...session, ...judged[i]! })),
      ),
    },
  }
}

/**
 * Options for the record: what lora means is spelt out. Where a checkpoint was says nothing elsewhere, and a model that started from a published
 * one has its shape, not a preset's.
 */
function recordedOptions({
  checkpoint: _,
  init,
  preset,
  ...others
}: ResolvedTrainOptions): Record<string, unknown> {
  return {
    ...(init === undefined && { preset }),
    ...others,
    ...(others.lora !== 0 && { loraAlpha: ADAPTER_ALPHA, adapters: 'merged' }),
  }
}

function reinforcementOf(
  { reinforcement: model }: FitResult,
  results: readonly FitResult[],
): Pick<TrainedModel['training'], 'reinforcement'> {
  if (model === undefined) return {}
  return { reinforcement: { model, folds: results.map(({ reinforcement }) => reinforcement!) } }
}

interface Split {
  readonly training: readonly KeySequence[]
  readonly heldOut: readonly KeySequence[]
}

/** Each fold held out in turn; or once the first fifth. */
function divide(sequences: readonly KeySequence[], folds: number): Split[] {
  const size =
    folds === 1 ? Math.ceil(sequences.length * HELD_OUT_SHARE) : Math.ceil(sequences.length / folds)
  return Array.from({ length: folds }, (_, fold) => ({
    heldOut: sequences.slice(fold * size, (fold + 1) * size),
    training: [...sequences.slice(0, fold * size), ...sequences.slice((fold + 1) * size)],
  }))
}

/** A key that only held-out sessions hold is as unseen to the fold's model as a new one in production. */
function makeTask(
  split: Split,
  vocabulary: Vocabulary,
  config: GptNeoConfig,
  options: ResolvedTrainOptions,
): FitTask {
  const learnt = new Set(split.training.flatMap(({ keys }) => keys))
  return {
    config,
    options,
    training: toTokens(split.training, key => vocabulary.id(key)),
    heldOut: toTokens(split.heldOut, key => (learnt.has(key) ? vocabulary.id(key) : UNKNOWN)),
  }
}

function toTokens(sequences: readonly KeySequence[], id: (key: string) => number): TokenSequence[] {
  return sequences.map(({ keys, ended }) => ({ tokens: Int32Array.from(keys, id), ended }))
}

/** Trains all models; the first one is kept, and where there are several the others are the folds. */
async function fitModels(
  tasks: readonly FitTask[],
  deadlineMs: number | undefined,
  onProgress: TrainListener,
): Promise<{ results: FitResult[]; final: FitResult }> {
  const results = await fitAll(tasks, deadlineMs, onProgress)
  return { results: tasks.length === 1 ? results : results.slice(1), final: results[0]! }
}

function withFiles(tasks: readonly FitTask[], files: readonly TaskCheckpoint[] | undefined): FitTask[] {
  return tasks.map((task, i) => (files === undefined ? task : { ...task, checkpoint: files[i]! }))
}

/** The rest of a time budget is for what comes after: calibration and writing the model. */
const SHARE_FOR_TRAINING = 0.92

function deadline(budgetSeconds: number | undefined): number | undefined {
  return budgetSeconds && Date.now() + 1000 * budgetSeconds * SHARE_FOR_TRAINING
}

/** What whole sessions are made of. */
function compose(sequences: readonly KeySequence[], vocabulary: Vocabulary): CompositionStatistics {
  const tallies = sequences.filter(isWhole).map(({ keys }) => Tally.of(keys.map(key => vocabulary.id(key))))
  return CompositionStatistics.of(tallies, vocabulary.size)
}
