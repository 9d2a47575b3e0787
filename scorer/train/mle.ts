import type { GptNeoConfig } from '../model/config.js'
import { trainGraph } from '../model/train-graph.js'
import { Random } from '../random.js'
import { Runtime, type Tensor } from '../runtime.js'
import { type Segment, segments, type TokenSequence } from '../segments.js'
import type { EpochRecord } from '../trained-model.js'
import { type Batch, epochBatches } from './batches.js'
import { startingParameters } from './initial.js'
import { type ResolvedTrainOptions, resolveEpochs, WARM_UP_STEPS } from './options.js'

/** AdamW as in the paper (IV-A), with the customary betas. */
const BETA_1 = 0.9
const BETA_2 = 0.999
const EPSILON = 1e-8
const MAX_GRADIENT_NORM = 1

/** Reported after every step; `validationLoss` after every epoch. */
export interface TrainProgress {
  readonly step: number
  readonly numSteps: number
  readonly epoch: number
  readonly loss: number
  readonly validationLoss?: number | undefined
}

export interface MleResult {
  /** Parameters (size) with the least validation loss. */
  readonly parameters: Float32Array
  readonly epochs: readonly EpochRecord[]
  /** Epoch (zero-based) the parameters are of. */
  readonly bestEpoch: number
}

/** Mean -ln p of validation targets under parameters (size). */
export type ValidationLoss = (parameters: Float32Array) => Promise<number>

/**
 * Maximum-likelihood training (paper, Eq. 2 read as a negative log-likelihood): AdamW, warm-up then cosine, early stopping on validation loss.
 * Without `validationLoss` all epochs are run and the last parameters count.
 */
export async function trainMle(
  config: GptNeoConfig,
  sequences: readonly TokenSequence[],
  options: ResolvedTrainOptions,
  validationLoss: ValidationLoss | undefined,
  onProgress: (progress: TrainProgress) => void = () => {},
): Promise<MleResult> {
  const random = new Random(options.seed)
  const pieces = sequences.flatMap(sequence => [...segments(sequence, config.contextLength)])
  const stepsPerEpoch = Math.ceil(pieces.length / options.batchSize)
  const numEpochs = resolveEpochs(options.epochs, stepsPerEpoch)
  const numSteps = numEpochs * stepsPerEpoch
  const optimizer = await Optimizer.create(config, options, random)

  const epochs: EpochRecord[] = []
  let best = { parameters: optimizer.parameters, loss: Number.POSITIVE_INFINITY, epoch: -1 }
  let step = 0
  for (let epoch = 0; epoch < numEpochs && epoch - best.epoch <= options.patience; epoch++) {
    let sum = 0
    for (const batch of epochBatches(pieces as Segment[], options.batchSize, random)) {
      const loss = await optimizer.step(batch, learningRate(options.learningRate, step, numSteps))
      sum += loss
      step++
      onProgress({ step, numSteps, epoch, loss })
    }
    const trainingLoss = sum / stepsPerEpoch
    const loss = await validationLoss?.(optimizer.parameters)
    epochs.push({ trainingLoss, ...(loss !== undefined && { validationLoss: loss }) })
    onProgress({
      step,
      numSteps,
      epoch,
      loss: trainingLoss,
      ...(loss !== undefined && { validationLoss: loss }),
    })
    if (loss === undefined || loss < best.loss) {
      best = { parameters: optimizer.parameters, loss: loss ?? Number.POSITIVE_INFINITY, epoch }
    }
  }
  await optimizer.release()
  return { parameters: best.parameters, epochs, bestEpoch: best.epoch }
}

/** Linear warm-up over 100 steps (a tenth of a shorter run), then a cosine to 0. */
export function learningRate(highest: number, step: number, numSteps: number): number {
  const warmUp = Math.min(WARM_UP_STEPS, numSteps / 10)
  if (step < warmUp) return (highest * (step + 1)) / Math.ceil(warmUp)
  return highest * 0.5 * (1 + Math.cos((Math.PI * (step - warmUp)) / (numSteps - warmUp)))
}

/** Parameters and moments between steps; the arithmetic is in the train graph. */
class Optimizer {
  #numSteps = 0
  #firstMoments: Float32Array
  #secondMoments: Float32Array

  private constructor(
    readonly runtime: Runtime,
    public parameters: Float32Array,
  ) {
    this.#firstMoments = new Float32Array(parameters.length)
    this.#secondMoments = new Float32Array(parameters.length)
  }

  static async create(
    config: GptNeoConfig,
    options: ResolvedTrainOptions,
    random: Random,
  ): Promise<Optimizer> {
    const graph = trainGraph(config, {
      beta1: BETA_1,
      beta2: BETA_2,
      epsilon: EPSILON,
      weightDecay: options.weightDecay,
      maxGradientNorm: MAX_GRADIENT_NORM,
    })
    const parameters = await startingParameters(config, options.init, random)
    return new Optimizer(await Runtime.load(graph), parameters)
  }

  /** One step; returns the batch's loss. */
  async step(batch: Batch, rate: number): Promise<number> {
    this.#numSteps++
    const corrections = Float32Array.of(1 - BETA_1 ** this.#numSteps, 1 - BETA_2 ** this.#numSteps)
    const outputs = await this.runtime.run({
      parameters: vector(this.parameters),
      firstMoments: vector(this.#firstMoments),
      secondMoments: vector(this.#secondMoments),
      tokens: batch.tokens,
      targets: batch.targets,
      weights: batch.weights,
      learningRate: { data: Float32Array.of(rate), shape: [] },
      corrections: vector(corrections),
    })
    this.parameters = outputs.nextParameters!
    this.#firstMoments = outputs.nextFirstMoments!
    this.#secondMoments = outputs.nextSecondMoments!
    return outputs.loss![0]!
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }
}

function vector(data: Float32Array): Tensor {
  return { data, shape: [data.length] }
}
