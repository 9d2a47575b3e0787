import type { PositionalReward, ResolvedReinforcementOptions, Tail } from './options.js'

/** One action of a policy, as a reward sees it. */
export interface PolicyAct {
  /** Zero-based place in the session. */
  readonly position: number
  /** How many tokens were likelier than the observed one. */
  readonly rank: number
  /** -ln pi_old(action), in nats. */
  readonly surprise: number
  /** Whether the action is the observed token. */
  readonly isObserved: boolean
  /** Whether no training session ever went on that way; see Continuations. */
  readonly isNovel: boolean
}

export type Reward = (act: PolicyAct) => number

/**
 * The position-aware reward (paper, III-C and Table I). A step is a hit if the observed key is among the K likeliest, rank < K, and
 *
 *   r_t = a w_t for a hit, kappa w_t for a miss, with w_t = max(b^t, alpha)
 *
 * where t = 0 is the first scored key. The credit is partial: each position earns or loses by itself, so a session with one miss keeps what the
 * others earned. The table has both b^t and b^(t-1), and does not say what alpha does; here t is zero-based, and alpha is the floor without
 * which b = 0.5 leaves nothing for late positions.
 */
export function positionalReward(
  { rank, position }: Pick<PolicyAct, 'rank' | 'position'>,
  topK: number,
  settings: PositionalReward,
): number {
  return (rank < topK ? settings.hit : settings.miss) * positionWeight(position, settings)
}

/** LogGPT's reward (Han et al., 2023, III-C): 1 for a key among the K likeliest, else -1. */
export function binaryReward({ rank }: Pick<PolicyAct, 'rank'>, topK: number): number {
  return rank < topK ? 1 : -1
}

/**
 * Reward where alarms are decided, in the tail of surprise, instead of among the K likeliest, where a trained model hits anyway:
 *
 *   a w_t for the observed key if the old policy finds it surprising (rare, but part of normal life: it should be likelier),
 *   kappa w_t for a novelty that the old policy does not find surprising enough, 0 otherwise.
 */
export function tailReward(
  { position, surprise, isObserved, isNovel }: PolicyAct,
  { start, end }: Tail,
  settings: PositionalReward,
): number {
  if (isObserved) return surprise > start ? settings.hit * positionWeight(position, settings) : 0
  return isNovel && surprise < end ? settings.miss * positionWeight(position, settings) : 0
}

function positionWeight(position: number, { decay, floor }: PositionalReward): number {
  return Math.max(decay ** position, floor)
}

export function rewardFunction(options: ResolvedReinforcementOptions, topK: number): Reward {
  const { reward, positional, tail } = options
  if (reward === 'binary') return act => binaryReward(act, topK)
  if (reward === 'positional') return act => positionalReward(act, topK, positional)
  return act => tailReward(act, tail, positional)
}
