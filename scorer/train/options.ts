import { availableParallelism } from 'node:os'
import type { PresetName } from '../model/config.js'
import {
  type ReinforcementOptions,
  type ResolvedReinforcementOptions,
  resolveReinforcement,
} from './rl/options.js'

/** Settings of training: of maximum likelihood, and of the reinforcement that follows it. */
export interface TrainOptions {
  /** Size of the model. Default nano. */
  readonly preset?: PresetName
  /**
   * A local directory with a published GPT-Neo (config.json, model.safetensors or its shards) to start from instead of at random. The shape of the
   * model is then the checkpoint's, and `preset` may only repeat it.
   */
  readonly init?: string | undefined
  /** Default 42. */
  readonly seed?: number
  /** Passes over the training sessions; `auto` takes as many as make about 4,500 steps, 1 to 60. Default auto. */
  readonly epochs?: number | 'auto'
  /** Sessions a step, or segments of longer ones; `auto` takes 16, or fewer, 2 at the least, where those hold more than 512 tokens. Default auto. */
  readonly batchSize?: number | 'auto'
  /** Highest learning rate; it warms up over 100 steps, then falls as a cosine to 0 (paper, IV-A). Default 1e-3. */
  readonly learningRate?: number
  readonly weightDecay?: number
  /**
   * Parts the sessions are divided into to calibrate: each part is judged by a model trained on the others, and the model that is kept is trained
   * on all. 1 holds a fifth out instead, which is enough with many sessions. `auto` takes 3 up to 10,000 sessions, else 1. Default auto.
   */
  readonly folds?: number | 'auto'
  /** Whether sessions that are unlike all others are left out (see trim.ts): for logs nobody vouches for. Default false. */
  readonly trim?: boolean
  /** Epochs without a better validation loss before training stops. Default 3. */
  readonly patience?: number
  /** Parts that a step is computed in, one after the other. More take less memory; the result is the same but for rounding. Default 1. */
  readonly accumulate?: number
  /**
   * Rank of low-rank adapters: the weights stay frozen, adapters on them are trained and merged into them at the end (see adapters.ts). For large
   * models. Default 0: all weights are trained.
   */
  readonly lora?: number
  /**
   * Threads of the runtime for each training. `auto` takes one for models narrower than 512, where a second one costs more than it brings, and
   * shares the cores out for wider ones. Default auto.
   */
  readonly threads?: number | 'auto'
  /** Seconds that training may take, calibration included: it then makes as many steps as there is time for. Default: no limit. */
  readonly timeBudgetSeconds?: number | undefined
  /** Keeps the state of training on disk, so that one that was interrupted can be resumed. Default: not kept. */
  readonly checkpoint?: CheckpointOptions | undefined
  /** Reinforcement after maximum likelihood. Default none. */
  readonly reinforcement?: ReinforcementOptions | 'none'
}

export interface CheckpointOptions {
  readonly directory: string
  /** Seconds from one saving to the next. Default 60. */
  readonly everySeconds?: number
  /** Whether to go on from what the directory holds, if anything; else it must hold no checkpoint. Default false. */
  readonly resume?: boolean
}

/** With everything filled in; folds, epochs, batch size and threads may still depend on the data. */
export interface CompleteTrainOptions extends Required<TrainOptions> {
  readonly reinforcement: ResolvedReinforcementOptions | 'none'
}

/** As trainings are run: batch size and threads no longer depend on anything. */
export type ResolvedTrainOptions = CompleteTrainOptions & {
  readonly batchSize: number
  readonly threads: number
}

export function completeTrainOptions(options: TrainOptions): CompleteTrainOptions {
  const { reinforcement = DEFAULT_TRAIN_OPTIONS.reinforcement } = options
  return {
    ...DEFAULT_TRAIN_OPTIONS,
    ...options,
    reinforcement: reinforcement === 'none' ? 'none' : resolveReinforcement(reinforcement),
  }
}

/**
 * The paper trains with batches of 32 for 5 epochs, which suits its 125 M parameters. The nano model starts from scratch and sees a few thousand
 * short sessions: 5 epochs leave its least likely tokens undertrained (HDFS, 3,900 sessions: validation loss .29 after 5 epochs of 32, .26
 * after 15 of 16), and those are what surprise is read from. So: smaller batches, about 4,500 steps.
 */
export const DEFAULT_TRAIN_OPTIONS = {
  preset: 'nano',
  init: undefined,
  seed: 42,
  epochs: 'auto',
  batchSize: 'auto',
  learningRate: 1e-3,
  weightDecay: 0.01,
  folds: 'auto',
  trim: false,
  patience: 3,
  accumulate: 1,
  lora: 0,
  threads: 'auto',
  timeBudgetSeconds: undefined,
  checkpoint: undefined,
  reinforcement: 'none',
} as const satisfies CompleteTrainOptions

export const DEFAULT_CHECKPOINT_SECONDS = 60

const AUTO_FOLDS = 3
const MAX_SESSIONS_TO_FOLD = 10_000
/** Share held out where sessions are not divided into folds. */
export const HELD_OUT_SHARE = 0.2

export function resolveFolds(folds: number | 'auto', numSessions: number): number {
  if (folds !== 'auto') return folds
  return numSessions <= MAX_SESSIONS_TO_FOLD ? AUTO_FOLDS : 1
}

export const MAX_AUTO_BATCH_SIZE = 16
const MIN_AUTO_BATCH_SIZE = 2
const AUTO_BATCH_TOKENS = 512

/** Steps on long sessions are made of fewer of them, so that as many steps take about as long. @param meanLength tokens of a segment */
export function resolveBatchSize(batchSize: number | 'auto', meanLength: number): number {
  if (batchSize !== 'auto') return batchSize
  return Math.min(
    MAX_AUTO_BATCH_SIZE,
    Math.max(MIN_AUTO_BATCH_SIZE, Math.round(AUTO_BATCH_TOKENS / meanLength)),
  )
}

const AUTO_STEPS = 4500
const MAX_AUTO_EPOCHS = 60
export const WARM_UP_STEPS = 100

export function resolveEpochs(epochs: number | 'auto', stepsPerEpoch: number): number {
  if (epochs !== 'auto') return epochs
  return Math.min(MAX_AUTO_EPOCHS, Math.max(1, Math.round(AUTO_STEPS / stepsPerEpoch)))
}

/** Models at least so wide have matrices large enough for several threads. */
const WIDE = 512

/** @param numParallel trainings that run at the same time */
export function resolveThreads(threads: number | 'auto', hiddenSize: number, numParallel: number): number {
  if (threads !== 'auto') return threads
  return hiddenSize < WIDE ? 1 : Math.max(1, Math.floor(availableParallelism() / numParallel))
}
