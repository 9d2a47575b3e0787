import { calibrate } from '../calibrate.js'
import { TrainingDataError } from '../errors.js'
import { type GptNeoConfig, presetConfig } from '../model/config.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import type { SequenceScores } from '../sequence-scorer.js'
import type { TrainedModel } from '../trained-model.js'
import { UNKNOWN, Vocabulary } from '../vocabulary.js'
import type { FitResult, FitTask } from './fit.js'
import { fitAll } from './fit-pool.js'
import type { MleResult, TrainProgress } from './mle.js'
import {
  HELD_OUT_SHARE,
  type ResolvedTrainOptions,
  resolveEpochs,
  resolveFolds,
  resolveTrainOptions,
  type TrainOptions,
} from './options.js'
import { findOutliers } from './trim.js'

/** The log keys of one session, in order, and whether its end was seen. */
export interface KeySequence {
  readonly keys: readonly string[]
  readonly ended: boolean
}

const MIN_SESSIONS = 20

/** Steps done in all trainings together and in all to be done, with the progress of the one heard of last. */
export type TrainListener = (done: number, total: number, latest: TrainProgress) => void

/** What maximum likelihood came to in each of a training's models. */
export type MleResults = MleResult[]

/**
 * Trains on sessions taken as normal.
 *
 * @param mle filled by a training without reinforcement; given to later ones on the same sessions and with the same options, these start from there
 * @throws TrainingDataError when there are fewer than 20 sessions
 */
export async function train(
  sequences: readonly KeySequence[],
  options: TrainOptions = {},
  onProgress: TrainListener = () => {},
  mle: MleResults = [],
): Promise<TrainedModel> {
  const started = performance.now()
  const resolved = resolveTrainOptions(options)
  const nonEmpty = sequences.filter(({ keys }) => keys.length > 0)
  const outliers = resolved.trim ? findOutliers(nonEmpty) : new Set<number>()
  const usable = nonEmpty.filter((_, i) => !outliers.has(i))
  if (usable.length < MIN_SESSIONS) {
    throw new TrainingDataError(
      `${usable.length} sessions are too few to train on; give at least ${MIN_SESSIONS}, or check how sessions are told apart`,
    )
  }
  const shuffled = new Random(resolved.seed).shuffle([...usable])
  const vocabulary = Vocabulary.of(usable.map(({ keys }) => keys))
  const config = presetConfig(resolved.preset, vocabulary.size)
  const splits = divide(shuffled, resolveFolds(resolved.folds, shuffled.length))
  const epochs = resolveEpochs(resolved.epochs, Math.ceil(shuffled.length / resolved.batchSize))
  const fitOptions = { ...resolved, epochs }
  const tasks = splits.map(split => makeTask(split, vocabulary, config, fitOptions))
  const { results, final } = await fitModels(tasks, shuffled, vocabulary, config, fitOptions, mle, onProgress)

  const surpriseOfUnknown = unknownSurprise(usable)
  const judged = results.flatMap(({ scores }, fold) =>
    scores.map((score, i) => ({ score, sequence: tasks[fold]!.heldOut[i]! })),
  )
  return {
    config,
    parameters: final.parameters,
    vocabulary,
    calibration: calibrate(
      judged.map(({ sequence, score }) => maxSurprise(sequence, score, surpriseOfUnknown)),
      judged.map(({ sequence, score }) => maxRank(sequence, score, vocabulary.size)),
    ),
    unknownSurprise: surpriseOfUnknown,
    training: {
      options: { ...fitOptions },
      numSessions: usable.length,
      numTrimmed: outliers.size,
      numEvents: usable.reduce((sum, { keys }) => sum + keys.length, 0),
      numValidationSessions: judged.length,
      epochs: final.epochs,
      foldEpochs: results.map(({ epochs }) => epochs),
      ...reinforcementOf(final, results),
      seconds: (performance.now() - started) / 1000,
    },
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
  const toTokens =
    (id: (key: string) => number) =>
    ({ keys, ended }: KeySequence): TokenSequence => ({ tokens: Int32Array.from(keys, id), ended })
  return {
    config,
    options,
    training: split.training.map(toTokens(key => vocabulary.id(key))),
    heldOut: split.heldOut.map(toTokens(key => (learnt.has(key) ? vocabulary.id(key) : UNKNOWN))),
  }
}

/** Trains the folds and the model to keep, which sees all sessions. The model of a single split is kept itself. */
async function fitModels(
  tasks: readonly FitTask[],
  all: readonly KeySequence[],
  vocabulary: Vocabulary,
  config: GptNeoConfig,
  options: ResolvedTrainOptions,
  mle: MleResults,
  onProgress: TrainListener,
): Promise<{ results: FitResult[]; final: FitResult }> {
  const whole =
    tasks.length === 1 ? [] : [makeTask({ training: all, heldOut: [] }, vocabulary, config, options)]
  const everyTask = [...whole, ...tasks].map((task, i) => ({ ...task, mle: mle[i] }))
  const results = await fitAll(everyTask, (done, latest) => onProgress(done, totalSteps(everyTask), latest))
  if (options.reinforcement === 'none') mle.splice(0, mle.length, ...results)
  return tasks.length === 1
    ? { results, final: results[0]! }
    : { results: results.slice(1), final: results[0]! }
}

/** Steps of all tasks, were none to stop early; segments of long sessions aside. */
function totalSteps(tasks: readonly FitTask[]): number {
  return tasks.reduce((sum, { training, options }) => {
    const { epochs, batchSize, reinforcement } = options
    const numReinforced = reinforcement === 'none' ? 0 : reinforcement.numSteps
    return sum + resolveEpochs(epochs, 1) * Math.ceil(training.length / batchSize) + numReinforced
  }, 0)
}

/**
 * -ln of the Good-Turing probability that the next event is of a kind never seen: kinds seen in one session only, over events (Good, 1953).
 * The network cannot know this: what it never saw as a target gets whatever the softmax leaves over.
 */
export function unknownSurprise(sequences: readonly KeySequence[]): number {
  const numSessions = new Map<string, number>()
  let numEvents = 0
  for (const { keys } of sequences) {
    numEvents += keys.length
    for (const key of new Set(keys)) numSessions.set(key, (numSessions.get(key) ?? 0) + 1)
  }
  let numOnce = 0
  for (const count of numSessions.values()) if (count === 1) numOnce++
  return -Math.log(Math.max(numOnce, 1) / Math.max(numEvents, 1))
}

/** The largest surprise of a session, its end included if it was seen. */
export function maxSurprise(
  { tokens }: TokenSequence,
  { surprises }: SequenceScores,
  surpriseOfUnknown: number,
): number {
  let largest = 0
  for (let i = 0; i < surprises.length; i++) {
    const surprise = tokens[i] === UNKNOWN ? surpriseOfUnknown : surprises[i]!
    if (surprise > largest) largest = surprise
  }
  return largest
}

/** The largest rank of a session; an unknown key ranks behind all others. */
export function maxRank(
  { tokens }: TokenSequence,
  { ranks }: SequenceScores,
  vocabularySize: number,
): number {
  let largest = 0
  for (let i = 0; i < ranks.length; i++) {
    const rank = tokens[i] === UNKNOWN ? vocabularySize : ranks[i]!
    if (rank > largest) largest = rank
  }
  return largest
}
