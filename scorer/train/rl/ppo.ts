import type { GptNeoConfig } from '../../model/config.js'
import { Random } from '../../random.js'
import { type Segment, segments, type TokenSequence } from '../../segments.js'
import type { ReinforcementRecord, ReinforcementStep } from '../../trained-model.js'
import { NUM_SPECIALS } from '../../vocabulary.js'
import { type Batch, epochGroups, makeBatch } from '../batches.js'
import { Actor, type Acts } from './actor.js'
import { Baseline, type Rewarded } from './advantage.js'
import { type ResolvedReinforcementOptions, resolveNumSteps, resolveRewardTopK } from './options.js'
import { PolicyOptimizer, type PolicyStep } from './policy-optimizer.js'
import { type Reward, rewardFunction } from './reward.js'
import type { Rollout } from './rollout.js'

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
  /** Parameters (size) after the last step. */
  readonly parameters: Float32Array
  readonly record: ReinforcementRecord
}

/** Share of the validation targets that are not among the K likeliest under parameters (size). */
export type MissRate = (parameters: Float32Array, topK: number) => Promise<number>

/** What a run starts from. */
export interface PpoTask {
  readonly config: GptNeoConfig
  /** Parameters (size) that maximum likelihood found; they are not written to. */
  readonly parameters: Float32Array
  readonly training: readonly TokenSequence[]
  readonly options: ResolvedReinforcementOptions
  readonly seed: number
  readonly missRate?: MissRate | undefined
}

/** Steps a record keeps at the most. */
const MAX_RECORDED_STEPS = 400

/**
 * Proximal policy optimisation (Schulman et al., 2017) of a model that maximum likelihood has trained (paper, III-C). The policy is the model, a
 * state is what was observed of a session so far, an action is its next key. For each batch the policy as it stands becomes the old policy: it
 * acts, is rewarded, and stays frozen while `numEpochs` steps of Adam move the new one.
 */
export async function trainPpo(
  task: PpoTask,
  onProgress: (progress: PpoProgress) => void = () => {},
): Promise<PpoResult> {
  const { config, options } = task
  const random = new Random(task.seed)
  const topK = resolveRewardTopK(options.topK, config.vocabularySize - NUM_SPECIALS)
  const pieces = task.training.flatMap(sequence => [...segments(sequence, config.contextLength)])
  const actor = await Actor.create(config, pieces, options, random)
  const optimizer = await PolicyOptimizer.create(config, task.parameters, options)
  const baseline = new Baseline(options.baselineDecay, options.baseline)
  const learner = { actor, optimizer, baseline, rewardOf: rewardFunction(options, topK) }
  const steps: ReinforcementStep[] = []
  const numSteps = resolveNumSteps(options, pieces.length)
  for (const group of someGroups(pieces, options.batchSize, numSteps, random)) {
    const isLookedAt = steps.length % options.validationInterval === 0
    const topKMissRate = isLookedAt ? await task.missRate?.(optimizer.parameters, topK) : undefined
    const figures = await learn(learner, group, options.numEpochs)
    steps.push({ step: steps.length, ...figures, ...(topKMissRate !== undefined && { topKMissRate }) })
    const { reward, crossEntropy } = figures
    onProgress({ step: steps.length, numSteps, reward, crossEntropy, topKMissRate })
  }
  await actor.release()
  await optimizer.release()
  return { parameters: optimizer.parameters, record: { topK, steps: thin(steps) } }
}

interface Learner {
  readonly actor: Actor
  readonly optimizer: PolicyOptimizer
  readonly baseline: Baseline
  readonly rewardOf: Reward
}

/** Acts on a batch, is rewarded, and learns from it in `numEpochs` steps. */
async function learn(
  { actor, optimizer, baseline, rewardOf }: Learner,
  group: readonly Segment[],
  numEpochs: number,
): Promise<PolicyStep & Pick<ReinforcementStep, 'reward' | 'baseline'>> {
  const batch = makeBatch(group)
  const acts = await actor.act(optimizer.parameters, group, batch)
  const rewarded = rewardAll(group, batch, acts, rewardOf)
  const advantages = baseline.advantages(rewarded)
  baseline.update(rewarded)
  const expected = rewarded.rewards.map((reward, i) => reward - advantages[i]!)
  return {
    reward: meanOver(rewarded.rewards, rewarded.weights),
    baseline: meanOver(expected, rewarded.weights),
    ...(await optimize(optimizer, numEpochs, batch, acts, advantages)),
  }
}

/** The segments of `numSteps` batches, epoch after epoch. */
function* someGroups(
  pieces: readonly Segment[],
  batchSize: number,
  numSteps: number,
  random: Random,
): Generator<Segment[]> {
  let numLeft = numSteps
  while (numLeft > 0 && pieces.length > 0) {
    const groups = epochGroups(pieces, batchSize, random).slice(0, numLeft)
    numLeft -= groups.length
    yield* groups
  }
}

/** Rewards, positions and weights (B, T) of a batch's actions. */
function rewardAll(
  group: readonly Segment[],
  { targets, weights }: Batch,
  { actions, oldLogProbabilities, ranks, novelties }: Acts,
  rewardOf: Reward,
): Rewarded & { readonly rewards: Float32Array } {
  const time = targets.shape[1]!
  const positions = Int32Array.from(ranks, (_, i) => group[Math.floor(i / time)]!.start + (i % time))
  const rewards = ranks.map((rank, i) => {
    if (weights.data[i] === 0) return 0
    return rewardOf({
      position: positions[i]!,
      rank,
      surprise: -oldLogProbabilities.data[i]!,
      isObserved: actions.data[i] === targets.data[i],
      isNovel: novelties?.[i] === 1,
    })
  })
  return { rewards, positions, weights: weights.data }
}

/** Steps of Adam on one batch, all against the same old policy; returns their mean figures. */
async function optimize(
  optimizer: PolicyOptimizer,
  numEpochs: number,
  batch: Batch,
  rollout: Rollout,
  advantages: Float32Array,
): Promise<PolicyStep> {
  const sums = { ratio: 0, approxKl: 0, clipFraction: 0, entropy: 0, crossEntropy: 0 }
  const names = Object.keys(sums) as (keyof PolicyStep)[]
  for (let epoch = 0; epoch < numEpochs; epoch++) {
    const figures = await optimizer.step(batch, rollout, { data: advantages, shape: batch.tokens.shape })
    for (const name of names) sums[name] += figures[name] / numEpochs
  }
  return sums
}

function meanOver(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    sum += values[i]! * weights[i]!
    total += weights[i]!
  }
  return sum / total
}

function thin<T>(items: readonly T[]): T[] {
  const interval = Math.ceil(items.length / MAX_RECORDED_STEPS)
  return items.filter((_, i) => i % interval === 0)
}
