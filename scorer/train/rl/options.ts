export const REINFORCEMENT_METHODS = ['positional', 'binary', 'tail', 'none'] as const
export type ReinforcementMethod = (typeof REINFORCEMENT_METHODS)[number]

/** Whose step is rewarded: a key drawn from the old policy, the key that was observed, or now and then one drawn from all keys alike. */
export const POLICY_ACTIONS = ['sampled', 'observed', 'explored'] as const
export type PolicyAction = (typeof POLICY_ACTIONS)[number]

export type BaselineKind = 'shared' | 'by-position' | 'none'

/** What rewards are worth, and where; see reward.ts. */
export interface PositionalReward {
  /** a: of a hit at the first position. */
  readonly hit: number
  /** kappa, below 0: of a miss at the first position. */
  readonly miss: number
  /** b: what a position counts, next to the one before it. */
  readonly decay: number
  /** alpha: the least that a position counts, however late it is. */
  readonly floor: number
}

/** The surprises, in nats, between which alarms are decided. */
export interface Tail {
  /** Observed keys more surprising than this are rewarded. */
  readonly start: number
  /** Novelties less surprising than this cost. */
  readonly end: number
}

/** Settings of PPO after maximum likelihood; the names are those of cleanrl where it has one. */
export interface ReinforcementOptions {
  readonly reward?: Exclude<ReinforcementMethod, 'none'>
  /**
   * `sampled`: the paper to the letter. What is rewarded, the observed key among the K likeliest, does not depend on the key drawn, so the expected
   * gradient of the reward is 0. `observed`: the observed key is the action, a likelihood weighted by reward with a clipped ratio. `explored`:
   * the observed key, but at a share `exploration` of the positions a key drawn from all keys alike, for the reward `tail`.
   */
  readonly action?: PolicyAction
  readonly exploration?: number
  /** Batches; each is learnt from in `numEpochs` steps of Adam. `auto` takes 200, or four passes over the sessions where those are fewer. */
  readonly numSteps?: number | 'auto'
  /** Sessions a batch. */
  readonly batchSize?: number
  readonly numEpochs?: number
  readonly learningRate?: number
  readonly clipCoef?: number
  readonly entropyCoef?: number
  /** beta: what the cross-entropy of the observed keys weighs in the loss. */
  readonly crossEntropyCoef?: number
  readonly baselineDecay?: number
  /** One baseline for all positions, as in the paper, each position's own, or none. */
  readonly baseline?: BaselineKind
  /** K as a number or as a share of the log keys. */
  readonly topK?: number | { readonly ratio: number }
  readonly positional?: PositionalReward
  readonly tail?: Tail
  /** Steps from one look at the validation sessions to the next. */
  readonly validationInterval?: number
}

export type ResolvedReinforcementOptions = Required<ReinforcementOptions>

/** The paper's (IV-A and Table I). */
export const PAPER_REINFORCEMENT = {
  reward: 'positional',
  action: 'sampled',
  exploration: 0.2,
  numSteps: 'auto',
  batchSize: 32,
  numEpochs: 4,
  learningRate: 1e-5,
  clipCoef: 0.2,
  entropyCoef: 0.01,
  crossEntropyCoef: 0.1,
  baselineDecay: 0.95,
  baseline: 'shared',
  topK: { ratio: 0.45 },
  positional: { hit: 1, miss: -1, decay: 0.5, floor: 1e-4 },
  tail: { start: 5, end: 10 },
  validationInterval: 25,
} as const satisfies ResolvedReinforcementOptions

/**
 * What differs for the reward `tail`. 200 batches at 1e-5 barely move a small model. Novelties are drawn some fifty times as often as the tail
 * of the observed comes up, so each costs less. No reward means here that nothing is to change, so there is no baseline. A session that goes
 * astray late is as strange as one that does so early, so positions count alike.
 */
export const TAIL_REINFORCEMENT = {
  ...PAPER_REINFORCEMENT,
  reward: 'tail',
  action: 'explored',
  learningRate: 1e-4,
  baseline: 'none',
  positional: { hit: 3, miss: -0.03, decay: 1, floor: 1e-4 },
} as const satisfies ResolvedReinforcementOptions

export function resolveReinforcement(options: ReinforcementOptions): ResolvedReinforcementOptions {
  return { ...(options.reward === 'tail' ? TAIL_REINFORCEMENT : PAPER_REINFORCEMENT), ...options }
}

/** The paper's. On few sessions that would be dozens of passes over each. */
const AUTO_STEPS = 200
const MAX_PASSES = 4

/** @param numSegments what the training sessions are cut into: as many as they are, unless some are longer than the context */
export function resolveNumSteps(
  { numSteps, batchSize }: Pick<ResolvedReinforcementOptions, 'numSteps' | 'batchSize'>,
  numSegments: number,
): number {
  if (numSteps !== 'auto') return numSteps
  return Math.min(AUTO_STEPS, MAX_PASSES * Math.ceil(numSegments / batchSize))
}

/** K of the reward, as a number of log keys. */
export function resolveRewardTopK(topK: number | { readonly ratio: number }, numKeys: number): number {
  return typeof topK === 'number' ? topK : Math.max(1, Math.round(topK.ratio * numKeys))
}
