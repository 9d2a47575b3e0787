import type { GptNeoConfig } from '../../model/config.js'
import type { Random } from '../../random.js'
import type { Segment } from '../../segments.js'
import type { Batch } from '../batches.js'
import { Continuations } from './continuations.js'
import { Explorer } from './explorer.js'
import type { ResolvedReinforcementOptions } from './options.js'
import { type PolicyModel, type Rollout, RolloutRunner } from './rollout.js'

/** What was done on a batch. */
export interface Acts extends Rollout {
  /** (B, T), 1 where the action is a novelty; missing where nothing is explored. */
  readonly novelties?: Uint8Array
}

/** Chooses the actions of a batch by one of the readings (PolicyAction), and has the old policy say how likely they are. */
export class Actor {
  private constructor(
    readonly rollouts: RolloutRunner,
    readonly explorer: Explorer | undefined,
  ) {}

  /** @param pieces all training segments */
  static async create(
    config: GptNeoConfig,
    model: PolicyModel,
    pieces: readonly Segment[],
    { action, exploration }: ResolvedReinforcementOptions,
    random: Random,
  ): Promise<Actor> {
    const { vocabularySize } = config
    return new Actor(
      await RolloutRunner.load(config, action === 'sampled' ? random : undefined, model),
      action === 'explored'
        ? new Explorer(new Continuations(pieces, vocabularySize, random), exploration, vocabularySize, random)
        : undefined,
    )
  }

  /** @param policy parameters (size) of the old policy @param group the segments of the batch */
  async act(policy: Float32Array, group: readonly Segment[], batch: Batch): Promise<Acts> {
    if (this.explorer === undefined) return this.rollouts.run(policy, batch)
    const { actions, novelties } = this.explorer.explore(group, batch)
    const given = { data: actions, shape: batch.targets.shape }
    return { ...(await this.rollouts.run(policy, batch, given)), novelties }
  }

  async release(): Promise<void> {
    await this.rollouts.release()
  }
}
