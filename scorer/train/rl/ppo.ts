import type { GptNeoConfig } from '../../model/config.js'
import { Random, type RandomState } from '../../random.js'
import { type Segment, segments, type TokenSequence } from '../../segments.js'
import type { ReinforcementRecord, ReinforcementStep } from '../../trained-model.js'
import { NUM_SPECIALS } from '../../vocabulary.js'
import { epochGroups } from '../batches.js'
import { type CheckpointFile, readCheckpoint, writeCheckpoint } from '../checkpoint.js'
import { Pace } from '../pace.js'
import { Actor } from './actor.js'
import { Baseline } from './advantage.js'
import { type Learner, learn } from './learner.js'
import { type ResolvedReinforcementOptions, resolveNumSteps, resolveRewardTopK } from './options.js'
import { PolicyOptimizer } from './policy-optimizer.js'
import { rewardFunction } from './reward.js'
import type { PolicyModel } from './rollout.js'

/** Reported after every step. */
export interface PpoProgress {
  readonly step: number
  readonly numSteps: number
  readonly reward: number
  readonly crossEntropy: number
  /** Before the step, now and then; see ReinforcementStep. */
  readonly topKMissRate?: number | undefined
}

export interface PpoResult {
  /** Parameters (size of the form) after the last step. */
  readonly parameters: Float32Array
  readonly record: ReinforcementRecord
}

/** Share of the validation targets that are not among the K likeliest under parameters (size of the form). */
export type MissRate = (parameters: Float32Array, topK: number) => Promise<number>

/** What a run starts from. */
export interface PpoTask {
  readonly config: GptNeoConfig
  readonly model: PolicyModel
  /** Parameters (size of the form) that maximum likelihood found; they are not written to. */
  readonly parameters: Float32Array
  readonly training: readonly TokenSequence[]
  readonly options: ResolvedReinforcementOptions
  readonly seed: number
  readonly missRate?: MissRate | undefined
  /** Without it there is time for all steps. */
  readonly pace?: Pace | undefined
  readonly checkpoint?: CheckpointFile | undefined
}

/** Steps a record keeps at the most. */
const MAX_RECORDED_STEPS = 400

/**
 * Proximal policy optimisation (Schulman et al., 2017) of a model that maximum likelihood has trained (paper, III-C). The policy is the model, a
 * state is what was observed of a session so far, an action is its next key. For each batch the policy as it stands becomes the old policy: it
 * acts, is rewarded, and stays frozen while `numEpochs` steps of Adam move the new one.
 *
 * Stops when the time is over. Goes on from the checkpoint if its file is there, to the same result as if it had never stopped.
 */
export async function trainPpo(
  task: PpoTask,
  onProgress: (progress: PpoProgress) => void = () => {},
): Promise<PpoResult> {
  const { config, model, options } = task
  const random = new Random(task.seed)
  const topK = resolveRewardTopK(options.topK, config.vocabularySize - NUM_SPECIALS)
  const pieces = task.training.flatMap(sequence => [...segments(sequence, config.contextLength)])
  const actor = await Actor.create(config, model, pieces, options, random)
  const optimizer = await PolicyOptimizer.create(config, model, task.parameters, options)
  const baseline = new Baseline(options.baselineDecay, options.baseline)
  const learner = { actor, optimizer, baseline, rewardOf: rewardFunction(options, topK) }
  try {
    return await new PpoTraining(task, { learner, pieces, random, topK }, onProgress).run()
  } finally {
    await actor.release()
    await optimizer.release()
  }
}

/** Where PPO stands between two batches, but for the vectors. */
interface Position {
  /** Of the batches done. */
  readonly steps: readonly ReinforcementStep[]
  /** Batches done in this epoch. */
  readonly stepOfEpoch: number
  /** Of the source of randomness when this epoch began, and now. */
  readonly randomAtEpoch: RandomState
  readonly random: RandomState
  /** See Baseline. */
  readonly baseline: Baseline['state']
}

interface PpoParts {
  readonly learner: Learner
  readonly pieces: readonly Segment[]
  readonly random: Random
  readonly topK: number
}

class PpoTraining {
  readonly #pace: Pace
  readonly #numPlannedSteps: number
  readonly #steps: ReinforcementStep[] = []
  #numSteps: number
  #groups: readonly Segment[][] = []
  #stepOfEpoch = 0
  #randomAtEpoch: RandomState
  #savedAtMs: number

  constructor(
    readonly task: PpoTask,
    readonly parts: PpoParts,
    readonly onProgress: (progress: PpoProgress) => void,
  ) {
    this.#pace = task.pace ?? new Pace(Number.POSITIVE_INFINITY, 0)
    this.#numPlannedSteps = parts.pieces.length === 0 ? 0 : resolveNumSteps(task.options, parts.pieces.length)
    this.#numSteps = this.#numPlannedSteps
    this.#randomAtEpoch = parts.random.state
    this.#savedAtMs = this.#pace.now()
  }

  async run(): Promise<PpoResult> {
    await this.#restore()
    while (this.#steps.length < this.#numSteps && !this.#pace.isOver) {
      if (this.#stepOfEpoch === this.#groups.length) this.#beginEpoch()
      await this.#step(this.#groups[this.#stepOfEpoch++]!)
      if (this.#isSaveDue) await this.#save()
    }
    await this.#save()
    return {
      parameters: this.parts.learner.optimizer.parameters,
      record: {
        topK: this.parts.topK,
        numSteps: this.#steps.length,
        numPlannedSteps: this.#numPlannedSteps,
        steps: thin(this.#steps),
      },
    }
  }

  #beginEpoch(): void {
    const { pieces, random } = this.parts
    this.#randomAtEpoch = random.state
    this.#groups = epochGroups(pieces, this.task.options.batchSize, random)
    this.#stepOfEpoch = 0
  }

  async #step(group: readonly Segment[]): Promise<void> {
    const { numEpochs, validationInterval } = this.task.options
    const topKMissRate = await this.#look()
    const figures = await this.#pace.measureSteps(1, () => learn(this.parts.learner, group, numEpochs))
    const step = this.#steps.length
    this.#steps.push({ step, ...figures, ...(topKMissRate !== undefined && { topKMissRate }) })
    const affordable = this.#steps.length + this.#pace.stepsThatFit(validationInterval)
    this.#numSteps = Math.min(this.#numPlannedSteps, affordable)
    const { reward, crossEntropy } = figures
    this.onProgress({ step: step + 1, numSteps: this.#numSteps, reward, crossEntropy, topKMissRate })
  }

  /** The miss rate, every so many steps. */
  async #look(): Promise<number | undefined> {
    const { missRate, options } = this.task
    if (missRate === undefined || this.#steps.length % options.validationInterval !== 0) return undefined
    const { learner, topK } = this.parts
    return this.#pace.measureValidation(() => missRate(learner.optimizer.parameters, topK))
  }

  get #isSaveDue(): boolean {
    const { checkpoint } = this.task
    return checkpoint !== undefined && this.#pace.now() - this.#savedAtMs >= 1000 * checkpoint.everySeconds
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.task
    if (checkpoint === undefined) return
    const { learner, random } = this.parts
    const position = {
      steps: this.#steps,
      stepOfEpoch: this.#stepOfEpoch,
      randomAtEpoch: this.#randomAtEpoch,
      random: random.state,
      baseline: learner.baseline.state,
    }
    await writeCheckpoint<Position>(checkpoint.path, { position, optimizer: learner.optimizer.state })
    this.#savedAtMs = this.#pace.now()
  }

  async #restore(): Promise<void> {
    const { checkpoint } = this.task
    if (checkpoint === undefined) return
    const { learner, random } = this.parts
    const saved = await readCheckpoint<Position>(checkpoint.path, learner.optimizer.parameters.length)
    if (saved === undefined) return
    const { position } = saved
    learner.optimizer.state = saved.optimizer
    learner.baseline.state = position.baseline
    this.#steps.push(...position.steps)
    random.state = position.randomAtEpoch
    this.#beginEpoch()
    this.#stepOfEpoch = position.stepOfEpoch
    random.state = position.random
  }
}

function thin<T>(items: readonly T[]): T[] {
  const interval = Math.ceil(items.length / MAX_RECORDED_STEPS)
  return items.filter((_, i) => i % interval === 0)
}
