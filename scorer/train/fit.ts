import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { ReinforcementRecord } from '../trained-model.js'
import { UNKNOWN } from '../vocabulary.js'
import { type MleResult, type TrainProgress, trainMle } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'
import { type PpoResult, trainPpo } from './rl/ppo.js'

/** One model to train, and the sessions to hold it against. */
export interface FitTask {
  readonly config: GptNeoConfig
  readonly training: readonly TokenSequence[]
  /** Sessions that training does not see; none: all epochs are run. */
  readonly heldOut: readonly TokenSequence[]
  readonly options: ResolvedTrainOptions
  /** What maximum likelihood came to, where it was done before. */
  readonly mle?: MleResult | undefined
}

export interface FitResult extends MleResult {
  /** Scores of the held-out sessions. */
  readonly scores: readonly SequenceScores[]
  /** Missing without reinforcement. */
  readonly reinforcement?: ReinforcementRecord
}

type OnProgress = (progress: TrainProgress) => void

/** Trains one model, by maximum likelihood and then by reinforcement if that is wanted, and scores its held-out sessions. */
export async function fit(task: FitTask, onProgress: OnProgress): Promise<FitResult> {
  const scorer = await SequenceScorer.load(task.config, sequenceGraph(task.config))
  const mle = task.mle ?? (await maximiseLikelihood(task, scorer, onProgress))
  const reinforced = await reinforce(task, mle, scorer, onProgress)
  const parameters = reinforced?.parameters ?? mle.parameters
  const scores = await scorer.score(parameters, task.heldOut)
  await scorer.release()
  return { ...mle, parameters, scores, ...(reinforced && { reinforcement: reinforced.record }) }
}

async function maximiseLikelihood(
  { config, training, heldOut, options }: FitTask,
  scorer: SequenceScorer,
  onProgress: OnProgress,
): Promise<MleResult> {
  const validationLoss =
    heldOut.length === 0
      ? undefined
      : async (parameters: Float32Array) => meanSurprise(heldOut, await scorer.score(parameters, heldOut))
  return trainMle(config, training, options, validationLoss, onProgress)
}

async function reinforce(
  { config, training, heldOut, options }: FitTask,
  { parameters, epochs }: MleResult,
  scorer: SequenceScorer,
  onProgress: OnProgress,
): Promise<PpoResult | undefined> {
  const { reinforcement, seed, batchSize } = options
  if (reinforcement === 'none') return undefined
  const stepsBefore = epochs.length * Math.ceil(training.length / batchSize)
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
