import { existsSync } from 'node:fs'
import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { ReinforcementRecord } from '../trained-model.js'
import { NUM_SPECIALS } from '../vocabulary.js'
import type { TaskCheckpoint } from './checkpoint-directory.js'
import { HeldOut } from './held-out.js'
import { startingParameters } from './initial.js'
import { type MleResult, type TrainProgress, trainMle } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'
import { Pace } from './pace.js'
import { deadlineOfLikelihood, plannedBatches } from './plan.js'
import { PAPER_REINFORCEMENT, resolveRewardTopK } from './rl/options.js'
import { type PpoResult, trainPpo } from './rl/ppo.js'
import { makeTrainable, type Trainable } from './trainable.js'

/** One model to train, and the sessions to hold it against. */
export interface FitTask {
  readonly config: GptNeoConfig
  readonly training: readonly TokenSequence[]
  /** Sessions that training does not see; none: all epochs are run. */
  readonly heldOut: readonly TokenSequence[]
  readonly options: ResolvedTrainOptions
  readonly checkpoint?: TaskCheckpoint
  /** When it must be done, scores included, as Date.now() counts; never, if missing. */
  readonly deadlineMs?: number
  /** What maximum likelihood came to, where it was done before: parameters of the whole model, which belong to the task. */
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
  const random = new Random(options.seed)
  const base = task.mle?.parameters ?? (await startingParameters(config, options.init, random))
  const trainable = makeTrainable(config, base, options.lora, random)
  const judge =
    heldOut.length === 0 ? undefined : await HeldOut.load(config, trainable, heldOut, options.threads)
  const parts = { trainable, judge, random, onProgress }
  const mle = task.mle ? { ...task.mle, parameters: trainable.start } : await maximiseLikelihood(task, parts)
  const reinforced = await reinforce(task, mle, parts)
  await judge?.release()
  const parameters = trainable.merge(reinforced?.parameters ?? mle.parameters)
  const scorer = await SequenceScorer.load(config, sequenceGraph(config), options.threads)
  const scores = await scorer.score(parameters, heldOut)
  await scorer.release()
  return { ...mle, parameters, scores, ...(reinforced && { reinforcement: reinforced.record }) }
}

/** What both kinds of training share; one goes on with the vector that the other left. */
interface FitParts {
  readonly trainable: Trainable
  /** Missing where nothing is held out. */
  readonly judge: HeldOut | undefined
  readonly random: Random
  readonly onProgress: OnProgress
}

async function maximiseLikelihood(
  task: FitTask,
  { trainable, judge, random, onProgress }: FitParts,
): Promise<MleResult> {
  const { config, training, heldOut, options, checkpoint } = task
  const topK = shownTopK(config, options)
  const numBatches = plannedBatches(task)
  return trainMle(
    {
      config,
      trainable,
      sequences: training,
      options,
      random,
      pace: new Pace(deadlineOfLikelihood(task, Date.now()), validationSteps(heldOut, options)),
      validate: judge && (parameters => judge.figures(parameters, topK)),
      checkpoint: checkpoint?.likelihood,
      isFinal: checkpoint !== undefined && existsSync(checkpoint.reinforcement.path),
    },
    progress => onProgress({ ...progress, numSteps: progress.numSteps + numBatches }),
  )
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
  { config, training, options, deadlineMs, checkpoint }: FitTask,
  { parameters, epochs, numSteps: stepsBefore }: MleResult,
  { trainable: { form, frozen }, judge, onProgress }: FitParts,
): Promise<PpoResult | undefined> {
  const { reinforcement, seed, threads, accumulate } = options
  if (reinforcement === 'none') return undefined
  return trainPpo(
    {
      config,
      model: { form, frozen, threads, accumulate },
      parameters,
      training,
      options: reinforcement,
      seed,
      missRate: judge && (async (policy, topK) => (await judge.figures(policy, topK)).topKMissRate),
      pace: new Pace(deadlineMs ?? Number.POSITIVE_INFINITY, 0),
      checkpoint: checkpoint?.reinforcement,
    },
    ({ step, numSteps, crossEntropy: loss, reward, topKMissRate }) => {
      const steps = { step: stepsBefore + step, numSteps: stepsBefore + numSteps, epoch: epochs.length }
      onProgress({ ...steps, loss, reward, topKMissRate })
    },
  )
}
