import { ResumeError } from '../errors.js'
import type { GptNeoConfig } from '../model/config.js'
import type { Random, RandomState } from '../random.js'
import { type Segment, segments, type TokenSequence } from '../segments.js'
import type { EpochRecord } from '../trained-model.js'
import { epochGroups } from './batches.js'
import { type CheckpointFile, readCheckpoint, writeCheckpoint } from './checkpoint.js'
import type { HeldOutFigures } from './held-out.js'
import { Optimizer } from './optimizer.js'
import { type ResolvedTrainOptions, resolveEpochs, WARM_UP_STEPS } from './options.js'
import type { Pace } from './pace.js'
import type { Trainable } from './trainable.js'

/** Reported after every step of a training, be it by likelihood or by reinforcement. */
export interface TrainProgress {
  readonly step: number
  readonly numSteps: number
  readonly epoch: number
  /** Cross-entropy of the step's batch, in nats. */
  readonly loss: number
  /** On sessions held out: after every epoch of maximum likelihood. */
  readonly validationLoss?: number | undefined
  /** Share of the targets held out that are not among the K likeliest: with validationLoss, and now and then in reinforcement. */
  readonly topKMissRate?: number | undefined
  /** Mean reward of the step's batch, in reinforcement alone. */
  readonly reward?: number | undefined
}

export interface MleResult {
  /** The trained vector (size of the form) with the least validation loss. */
  readonly parameters: Float32Array
  readonly epochs: readonly EpochRecord[]
  /** Epoch (zero-based) the parameters are of. */
  readonly bestEpoch: number
  readonly numSteps: number
  /** Steps that there would have been without early stopping and with time enough. */
  readonly numPlannedSteps: number
}

/** Where maximum likelihood stands between two runs, but for the vectors. */
interface Position {
  /** Of the epochs done. */
  readonly epochs: readonly EpochRecord[]
  /** Steps done in this epoch, and the sum of their losses. */
  readonly stepOfEpoch: number
  readonly lossSum: number
  /** Of the source of randomness when this epoch began. */
  readonly random: RandomState
  /** Epoch (zero-based) of the best parameters so far; -1 if there are none. */
  readonly bestEpoch: number
}

/** Holds a trained vector against sessions that are not trained on. */
export type Validate = (parameters: Float32Array) => Promise<HeldOutFigures>

export interface MleTask {
  readonly config: GptNeoConfig
  readonly trainable: Trainable
  readonly sequences: readonly TokenSequence[]
  readonly options: ResolvedTrainOptions
  readonly random: Random
  readonly pace: Pace
  /** Without it all epochs are run and the last parameters count. */
  readonly validate: Validate | undefined
  readonly checkpoint: CheckpointFile | undefined
  /** Whether the state in the checkpoint is final: reinforcement has begun with it, so that time that is left is not for more epochs. */
  readonly isFinal?: boolean
}

/**
 * Maximum-likelihood training (paper, Eq. 2 read as a negative log-likelihood): AdamW, warm-up then cosine, early stopping on validation loss.
 * Goes on from the checkpoint if its file is there, to the same result as if it had never stopped.
 */
export async function trainMle(
  task: MleTask,
  onProgress: (progress: TrainProgress) => void = () => {},
): Promise<MleResult> {
  const optimizer = await Optimizer.create(task.config, task.trainable, task.options)
  try {
    return await new MleTraining(task, optimizer, onProgress).run()
  } finally {
    await optimizer.release()
  }
}

/** Linear warm-up over 100 steps (a tenth of a shorter run), then a cosine to 0. */
export function learningRate(highest: number, step: number, numSteps: number): number {
  const warmUp = Math.min(WARM_UP_STEPS, numSteps / 10)
  if (step < warmUp) return (highest * (step + 1)) / Math.ceil(warmUp)
  return highest * 0.5 * (1 + Math.cos((Math.PI * (step - warmUp)) / (numSteps - warmUp)))
}

class MleTraining {
  readonly #pieces: readonly Segment[]
  readonly #stepsPerEpoch: number
  readonly #numEpochs: number
  readonly #epochs: EpochRecord[] = []
  #best: { readonly parameters: Float32Array | undefined; readonly epoch: number } = {
    parameters: undefined,
    epoch: -1,
  }
  #randomAtEpoch: RandomState
  #stepOfEpoch = 0
  #lossSum = 0
  #numSteps: number
  #savedAtMs: number

  constructor(
    readonly task: MleTask,
    readonly optimizer: Optimizer,
    readonly onProgress: (progress: TrainProgress) => void,
  ) {
    const { config, sequences, options } = task
    this.#pieces = sequences.flatMap(sequence => [...segments(sequence, config.contextLength)])
    this.#stepsPerEpoch = Math.ceil(this.#pieces.length / options.batchSize)
    this.#numEpochs = resolveEpochs(options.epochs, this.#stepsPerEpoch)
    this.#numSteps = this.#numPlannedSteps
    this.#randomAtEpoch = task.random.state
    this.#savedAtMs = task.pace.now()
  }

  async run(): Promise<MleResult> {
    await this.#restore()
    while (!this.#isOver) {
      const groups = epochGroups(this.#pieces, this.task.options.batchSize, this.task.random)
      while (this.#stepOfEpoch < groups.length && this.#step < this.#numSteps) {
        await this.#runSteps(groups)
        if (this.#isSaveDue) await this.#save()
      }
      await this.#closeEpoch()
    }
    await this.#save()
    return {
      parameters: this.#best.parameters ?? this.optimizer.parameters,
      epochs: this.#epochs,
      bestEpoch: this.#best.epoch,
      numSteps: this.#step,
      numPlannedSteps: this.#numPlannedSteps,
    }
  }

  get #numPlannedSteps(): number {
    return this.#numEpochs * this.#stepsPerEpoch
  }

  get #step(): number {
    return this.optimizer.state.numSteps
  }

  get #epoch(): number {
    return this.#epochs.length
  }

  get #isOver(): boolean {
    if (this.task.isFinal === true) return true
    return this.#step >= this.#numSteps || this.#epoch - this.#best.epoch > this.task.options.patience
  }

  /** Some steps in one run; then the plan is made anew, so that the learning rate has come down to 0 when the time is over. */
  async #runSteps(groups: readonly Segment[][]): Promise<void> {
    const { options, pace } = this.task
    const first = this.#step
    const count = Math.min(pace.stepsPerRun, this.#numSteps - first)
    const chosen = groups.slice(this.#stepOfEpoch, this.#stepOfEpoch + count)
    const rates = chosen.map((_, i) => learningRate(options.learningRate, first + i, this.#numSteps))
    const losses = await pace.measureSteps(chosen.length, () => this.optimizer.run(chosen, rates))
    this.#stepOfEpoch += chosen.length
    const affordable = this.#step + pace.stepsThatFit(this.#stepsPerEpoch)
    this.#numSteps = Math.min(this.#numPlannedSteps, affordable)
    losses.forEach((loss, i) => {
      this.#lossSum += loss
      this.#report(loss, { step: first + i + 1 })
    })
  }

  async #closeEpoch(): Promise<void> {
    const { validate, pace, random } = this.task
    const { parameters } = this.optimizer
    const trainingLoss = this.#lossSum / this.#stepOfEpoch
    const figures = validate && (await pace.measureValidation(() => validate(parameters)))
    const loss = figures?.loss
    this.#report(trainingLoss, { validationLoss: loss, topKMissRate: figures?.topKMissRate })
    const least = this.#epochs[this.#best.epoch]?.validationLoss ?? Number.POSITIVE_INFINITY
    if (loss === undefined || loss < least) this.#best = { parameters, epoch: this.#epoch }
    this.#epochs.push({ trainingLoss, ...(loss !== undefined && { validationLoss: loss }) })
    this.#randomAtEpoch = random.state
    this.#stepOfEpoch = 0
    this.#lossSum = 0
  }

  #report(loss: number, more: Partial<TrainProgress>): void {
    this.onProgress({ step: this.#step, numSteps: this.#numSteps, epoch: this.#epoch, loss, ...more })
  }

  get #isSaveDue(): boolean {
    const { checkpoint, pace } = this.task
    return checkpoint !== undefined && pace.now() - this.#savedAtMs >= 1000 * checkpoint.everySeconds
  }

  async #save(): Promise<void> {
    const { checkpoint, pace } = this.task
    if (checkpoint === undefined) return
    await writeCheckpoint<Position>(checkpoint.path, {
      position: {
        stepOfEpoch: this.#stepOfEpoch,
        lossSum: this.#lossSum,
        random: this.#randomAtEpoch,
        epochs: this.#epochs,
        bestEpoch: this.#best.epoch,
      },
      optimizer: this.optimizer.state,
      best: this.#best.parameters,
    })
    this.#savedAtMs = pace.now()
  }

  async #restore(): Promise<void> {
    const { checkpoint, random, isFinal } = this.task
    if (checkpoint === undefined) return
    const saved = await readCheckpoint<Position>(checkpoint.path, this.optimizer.parameters.length)
    if (saved === undefined && isFinal === true) {
      throw new ResumeError(
        `the checkpoint ${checkpoint.path} is missing, and reinforcement began with it; remove what is left and train again`,
      )
    }
    if (saved === undefined) return
    const { position } = saved
    this.optimizer.state = saved.optimizer
    this.#epochs.push(...position.epochs)
    this.#best = { parameters: saved.best, epoch: position.bestEpoch }
    this.#stepOfEpoch = position.stepOfEpoch
    this.#lossSum = position.lossSum
    this.#randomAtEpoch = position.random
    random.state = position.random
  }
}
