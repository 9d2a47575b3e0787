import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { ReinforcementRecord } from '../trained-model.js'
import { UNKNOWN } from '../vocabulary.js'
import type { CheckpointFile } from './checkpoint.js'
import { startingParameters } from './initial.js'
import { type MleResult, type TrainProgress, trainMle, type ValidationLoss } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'
import { Pace } from './pace.js'
import { type PpoResult, trainPpo } from './rl/ppo.js'
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
  /** What maximum likelihood came to, where it was done before. */
  readonly mle?: MleResult | undefined
}

/** Its parameters are those of the whole model (size of parameterLayout). */
export interface FitResult extends MleResult {
  /** Scores of the held-out sessions. */
  readonly scores: readonly SequenceScores[]
  /** Missing without reinforcement. */
  readonly reinforcement?: ReinforcementRecord
}

type OnProgress = (progress: TrainProgress) => void

/** Trains one model, by maximum likelihood and then by reinforcement if that is wanted, and scores its held-out sessions. */
export async function fit(task: FitTask, onProgress: OnProgress): Promise<FitResult> {
  const { config, heldOut, options } = task
  const mle = task.mle ?? (await maximiseLikelihood(task, onProgress))
  const scorer = await SequenceScorer.load(config, sequenceGraph(config), options.threads)
  const reinforced = await reinforce(task, mle, scorer, onProgress)
  const parameters = reinforced?.parameters ?? mle.parameters
  const scores = await scorer.score(parameters, heldOut)
  await scorer.release()
  return { ...mle, parameters, scores, ...(reinforced && { reinforcement: reinforced.record }) }
}

async function maximiseLikelihood(
  { config, training, heldOut, options, checkpoint, deadlineMs }: FitTask,
  onProgress: OnProgress,
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

async function reinforce(
  { config, training, heldOut, options }: FitTask,
  { parameters, epochs, numSteps: stepsBefore }: MleResult,
  scorer: SequenceScorer,
  onProgress: OnProgress,
): Promise<PpoResult | undefined> {
  const { reinforcement, seed } = options
  if (reinforcement === 'none') return undefined
  const missRate =
    heldOut.length === 0
      ? undefined
      : async (policy: Float32Array, topK: number) =>
          shareMissed(heldOut, await scorer.score(policy, heldOut), topK)
  return trainPpo(
    { config, parameters, training, options: reinforcement, seed, missRate },
    ({ step, numSteps, crossEntropy: loss }) =>
      onProgress({ step: stepsBefore + step, numSteps: stepsBefore + numSteps, epoch: epochs.length, loss }),
  )
}

function meanSurprise(sequences: readonly TokenSequence[], scores: readonly SequenceScores[]): number {
  return meanOfKnown(sequences, scores, ({ surprises }, at) => surprises[at]!)
}

/** Share of the targets that are not among the K likeliest tokens. */
function shareMissed(
  sequences: readonly TokenSequence[],
  scores: readonly SequenceScores[],
  topK: number,
): number {
  return meanOfKnown(sequences, scores, ({ ranks }, at) => (ranks[at]! < topK ? 0 : 1))
}

/** Mean over all targets but unknown keys. */
function meanOfKnown(
  sequences: readonly TokenSequence[],
  scores: readonly SequenceScores[],
  valueAt: (score: SequenceScores, at: number) => number,
): number {
  let sum = 0
  let count = 0
  scores.forEach((score, i) => {
    for (let at = 0; at < score.surprises.length; at++) {
      if (sequences[i]!.tokens[at] === UNKNOWN) continue
      sum += valueAt(score, at)
      count++
    }
  })
  return sum / Math.max(count, 1)
}
