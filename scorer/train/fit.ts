import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import { UNKNOWN } from '../vocabulary.js'
import type { CheckpointFile } from './checkpoint.js'
import { startingParameters } from './initial.js'
import { type MleResult, type TrainProgress, trainMle, type ValidationLoss } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'
import { Pace } from './pace.js'
import { makeTrainable, type Trainable } from './trainable.js'

/** One model to train, and the sessions to hold it against. */
export interface FitTask {
  readonly config: GptNeoConfig
  readonly training: readonly TokenSequence[]
  /** Sessions that training does not see; none: all epochs are run. */
  readonly heldOut: readonly TokenSequence[]
  readonly options: ResolvedTrainOptions
  readonly checkpoint?: CheckpointFile
  /** When it must be done, scores included, as Date.now() counts; never, if missing. */
  readonly deadlineMs?: number
}

/** Its parameters are those of the whole model (size of parameterLayout). */
export interface FitResult extends MleResult {
  /** Scores of the held-out sessions. */
  readonly scores: readonly SequenceScores[]
}

/** Trains one model and scores its held-out sessions. */
export async function fit(task: FitTask, onProgress: (progress: TrainProgress) => void): Promise<FitResult> {
  const { config, heldOut, options } = task
  const result = await maximiseLikelihood(task, onProgress)
  const scorer = await SequenceScorer.load(config, sequenceGraph(config), options.threads)
  const scores = await scorer.score(result.parameters, heldOut)
  await scorer.release()
  return { ...result, scores }
}

async function maximiseLikelihood(
  { config, training, heldOut, options, checkpoint, deadlineMs }: FitTask,
  onProgress: (progress: TrainProgress) => void,
): Promise<MleResult> {
  const random = new Random(options.seed)
  const base = await startingParameters(config, options.init, random)
  const trainable = makeTrainable(config, base, options.lora, random)
  const validator =
    heldOut.length === 0
      ? undefined
      : await SequenceScorer.load(config, sequenceGraph(config, trainable.form), options.threads)
  const task = {
    config,
    trainable,
    sequences: training,
    options,
    random,
    pace: new Pace(deadlineMs ?? Number.POSITIVE_INFINITY, validationSteps(heldOut, options)),
    validationLoss: validator && validationLoss(validator, trainable, heldOut),
    checkpoint,
  }
  const result = await trainMle(task, onProgress)
  await validator?.release()
  return { ...result, parameters: trainable.merge(result.parameters) }
}

function validationLoss(
  scorer: SequenceScorer,
  { frozen }: Trainable,
  heldOut: readonly TokenSequence[],
): ValidationLoss {
  return async parameters => {
    const weights = { ...frozen, parameters: { data: parameters, shape: [parameters.length] } }
    return meanSurprise(heldOut, await scorer.score(weights, heldOut))
  }
}

/** Forward alone is about a third of a training step. */
function validationSteps(heldOut: readonly TokenSequence[], { batchSize }: ResolvedTrainOptions): number {
  return heldOut.length / batchSize / 3
}

function meanSurprise(sequences: readonly TokenSequence[], scores: readonly SequenceScores[]): number {
  let sum = 0
  let count = 0
  scores.forEach(({ surprises }, i) => {
    surprises.forEach((surprise, at) => {
      if (sequences[i]!.tokens[at] === UNKNOWN) return
      sum += surprise
      count++
    })
  })
  return sum / Math.max(count, 1)
}
