import {
  type PositionalReward,
  type ReinforcementOptions,
  TAIL_REINFORCEMENT,
} from '../../scorer/train/rl/options.js'

export interface Method {
  readonly name: string
  readonly reinforcement: ReinforcementOptions | 'none'
}

/** Maximum likelihood, the paper's methods with the paper's settings, the method kept, and that one without its reward. */
export const METHODS: readonly Method[] = [
  { name: 'MLE', reinforcement: 'none' },
  { name: 'binary, sampled', reinforcement: { reward: 'binary', action: 'sampled' } },
  { name: 'positional, sampled', reinforcement: { reward: 'positional', action: 'sampled' } },
  { name: 'positional, observed', reinforcement: { reward: 'positional', action: 'observed' } },
  { name: 'tail', reinforcement: { reward: 'tail' } },
  { name: 'tail without reward', reinforcement: tailWith({ hit: 0, miss: 0 }) },
]

/** The reward of the tail with other worths or another decay. */
export function tailWith(changes: Partial<PositionalReward>): ReinforcementOptions {
  return { reward: 'tail', positional: { ...TAIL_REINFORCEMENT.positional, ...changes } }
}
