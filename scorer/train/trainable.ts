import { adaptedForm, frozenFeeds, initialAdapters, mergeAdapters } from '../model/adapters.js'
import type { GptNeoConfig } from '../model/config.js'
import { type ModelForm, wholeForm } from '../model/form.js'
import type { Random } from '../random.js'
import type { Feeds } from '../runtime.js'

/** What training moves: all weights of a model, or adapters on weights that stay as they are. */
export interface Trainable {
  readonly form: ModelForm
  /** The flat vector at the start. */
  readonly start: Float32Array
  /** The weights that stay, as the form's graphs take them. */
  readonly frozen: Feeds
  /** The whole model (size of parameterLayout) with the trained vector in it. Call it once: `base` may be changed in place. */
  merge(trained: Float32Array): Float32Array
}

/**
 * @param base the whole model to start from (size of parameterLayout), which belongs to the trainable from now on
 * @param rank of the adapters; 0 trains all weights
 */
export function makeTrainable(
  config: GptNeoConfig,
  base: Float32Array,
  rank: number,
  random: Random,
): Trainable {
  if (rank === 0) return { form: wholeForm(config), start: base, frozen: {}, merge: trained => trained }
  return {
    form: adaptedForm(config, rank),
    start: initialAdapters(config, rank, base, () => random.normal()),
    frozen: frozenFeeds(config, base),
    merge(trained) {
      mergeAdapters(config, rank, base, trained)
      return base
    },
  }
}
