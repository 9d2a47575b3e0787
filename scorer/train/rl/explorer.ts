import type { Random } from '../../random.js'
import type { Segment } from '../../segments.js'
import { END, NUM_SPECIALS } from '../../vocabulary.js'
import type { Batch } from '../batches.js'
import type { Continuations } from './continuations.js'

/** Actions of a batch, (B, T) each. */
export interface Explored {
  readonly actions: Int32Array
  /** 1 where the action is a novelty, else 0. */
  readonly novelties: Uint8Array
}

/** Takes the observed tokens, but at a share of the positions one drawn from all log keys and the end alike. */
export class Explorer {
  constructor(
    readonly continuations: Continuations,
    readonly share: number,
    readonly vocabularySize: number,
    readonly random: Random,
  ) {}

  /** @param group the segments of the batch */
  explore(group: readonly Segment[], { targets }: Batch): Explored {
    const actions = Int32Array.from(targets.data)
    const novelties = new Uint8Array(actions.length)
    const time = targets.shape[1]!
    group.forEach(({ inputs, scoredFrom }, row) => {
      const sets = this.continuations.setCodes(inputs)
      for (let t = scoredFrom; t < inputs.length; t++) {
        if (this.random.uniform() >= this.share) continue
        const action = this.#draw()
        actions[row * time + t] = action
        novelties[row * time + t] = this.continuations.isNovel(inputs[t]!, sets[t]!, action) ? 1 : 0
      }
    })
    return { actions, novelties }
  }

  /** A log key or the end: padding, begin and the unknown key never follow anything. */
  #draw(): number {
    const drawn = NUM_SPECIALS - 1 + this.random.integer(this.vocabularySize - NUM_SPECIALS + 1)
    return drawn < NUM_SPECIALS ? END : drawn
  }
}
