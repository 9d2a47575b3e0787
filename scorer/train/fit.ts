import type { GptNeoConfig } from '../model/config.js'
import { wholeForm } from '../model/form.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { ReinforcementRecord } from '../trained-model.js'
import { NUM_SPECIALS } from '../vocabulary.js'
import type { CheckpointFile } from './checkpoint.js'
import { HeldOut } from './held-out.js'
import { startingParameters } from './initial.js'
import { type MleResult, type TrainProgress, trainMle } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'
import { Pace } from './pace.js'
import { PAPER_REINFORCEMENT, resolveRewardTopK } from './rl/options.js'
import { type PpoResult, trainPpo } from './rl/ppo.js'
import { makeTrainable } from './trainable.js'
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
  const reinforced = await reinforce(task, mle, onProgress)
  const parameters = reinforced?.parameters ?? mle.parameters
  const scorer = await SequenceScorer.load(config, sequenceGraph(config), options.threads)
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
  const judge =
    heldOut.length === 0 ? undefined : await HeldOut.load(config, trainable, heldOut, options.threads)
  const topK = shownTopK(config, options)
  const task = {
    config,
    trainable,
    sequences: training,
    options,
    random,
    pace: new Pace(deadlineMs ?? Number.POSITIVE_INFINITY, validationSteps(heldOut, options)),
    validate: judge && ((parameters: Float32Array) => judge.figures(parameters, topK)),
    checkpoint,
  }
  const result = await trainMle(task, onProgress)
  await judge?.release()
  return { ...result, parameters: trainable.merge(result.parameters) }
}

/** K of the miss rate that progress shows: that of the reward, which without reinforcement is the paper's. */
function shownTopK({ vocabularySize }: GptNeoConfig, { reinforcement }: ResolvedTrainOptions): number {
  const { topK } = reinforcement === 'none' ? PAPER_REINFORCEMENT : reinforcement
  return resolveRewardTopK(topK, vocabularySize - NUM_SPECIALS)
}

/** Forward alone is about a third of a training step. */
function validationSteps(heldOut: readonly TokenSequence[], { batchSize }: ResolvedTrainOptions): number {
  return heldOut.length / batchSize / 3
}

async function reinforce(
  { config, training, heldOut, options }: FitTask,
  { parameters, epochs, numSteps: stepsBefore }: MleResult,
  onProgress: OnProgress,
): Promise<PpoResult | undefined> {
  const { reinforcement, seed, threads } = options
  if (reinforcement === 'none') return undefined
  const whole = { form: wholeForm(config), frozen: {} }
  const judge = heldOut.length === 0 ? undefined : await HeldOut.load(config, whole, heldOut, threads)
  const missRate =
    judge && (async (policy: Float32Array, topK: number) => (await judge.figures(policy, topK)).topKMissRate)
  const result = await trainPpo(
    { config, parameters, training, options: reinforcement, seed, missRate },
    ({ step, numSteps, crossEntropy, reward, topKMissRate }) =>
      onProgress({
        step: stepsBefore + step,
        numSteps: stepsBefore + numSteps,
        epoch: epochs.length,
        loss: crossEntropy,
        reward,
        topKMissRate,
      }),
  )
  await judge?.release()
  return result
}
