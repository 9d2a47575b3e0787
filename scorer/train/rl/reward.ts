import type { PositionalReward, ResolvedReinforcementOptions } from './options.js'

/**
 * The position-aware reward (paper, III-C and Table I). A step is a hit if its key is among the K likeliest, rank < K, and
 *
 *   r_t = a w_t for a hit, kappa w_t for a miss, with w_t = max(b^t, alpha)
 *
 * where t = 0 is the first scored key. The credit is partial: each position earns or loses by itself, so a session with one miss keeps what the
 * others earned. The table has both b^t and b^(t-1), and does not say what alpha does; here t is zero-based, and alpha is the floor without
 * which b = 0.5 leaves nothing for late positions.
 */
export function positionalReward(
  rank: number,
  position: number,
  topK: number,
  { hit, miss, decay, floor }: PositionalReward,
): number {
  return (rank < topK ? hit : miss) * Math.max(decay ** position, floor)
}

/** LogGPT's reward (Han et al., 2023, III-C): 1 for a key among the K likeliest, else -1. */
export function binaryReward(rank: number, topK: number): number {
  return rank < topK ? 1 : -1
}

/** The reward of a step by the rank of its observed key and its zero-based position. */
export type Reward = (rank: number, position: number) => number

export function rewardFunction(options: ResolvedReinforcementOptions, topK: number): Reward {
  return options.reward === 'binary'
    ? rank => binaryReward(rank, topK)
    : (rank, position) => positionalReward(rank, position, topK, options.positional)
}
