import type { Segment } from '../../segments.js'
import type { ReinforcementStep } from '../../trained-model.js'
import { type Batch, makeBatch } from '../batches.js'
import type { Actor, Acts } from './actor.js'
import type { Baseline, Rewarded } from './advantage.js'
import { type PolicyOptimizer, type PolicyStep, PolicyStepSum } from './policy-optimizer.js'
import type { Reward } from './reward.js'
import type { Rollout } from './rollout.js'

/** What learns: who acts, what it is rewarded for, what was expected, and what moves the policy. */
export interface Learner {
  readonly actor: Actor
  readonly optimizer: PolicyOptimizer
  readonly baseline: Baseline
  readonly rewardOf: Reward
}

/** Figures of one batch. */
export type Learnt = PolicyStep & Pick<ReinforcementStep, 'reward' | 'baseline'>

/** Acts on a batch, is rewarded, and learns from it in `numEpochs` steps. */
export async function learn(
  { actor, optimizer, baseline, rewardOf }: Learner,
  group: readonly Segment[],
  numEpochs: number,
): Promise<Learnt> {
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
  const mean = new PolicyStepSum()
  for (let epoch = 0; epoch < numEpochs; epoch++) {
    const figures = await optimizer.step(batch, rollout, { data: advantages, shape: batch.tokens.shape })
    mean.add(figures, 1 / numEpochs)
  }
  return mean.total
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
