import type { BaselineKind } from './options.js'

/** Rewards of a batch. All are (B, T); weights are 0 for padding, which counts nowhere. */
export interface Rewarded {
  readonly rewards: ArrayLike<number>
  /** Zero-based place of each target in its session. */
  readonly positions: ArrayLike<number>
  readonly weights: ArrayLike<number>
}

/**
 * What the rewards so far make one expect: an exponential moving average over batches, of all positions together or of each by itself. The first
 * rewards start it at their own mean.
 */
export class Baseline {
  #values: (number | undefined)[] = []

  /**
   * @param decay share of the old value that a batch leaves
   * @param kind where a reward decays with the position, a shared baseline calls every late hit worse than expected; with none, which is always 0,
   * actions without reward change nothing
   */
  constructor(
    readonly decay: number,
    readonly kind: BaselineKind,
  ) {}

  /** What was expected at each slot; null where nothing is known yet. As JSON keeps it. */
  get state(): readonly (number | null)[] {
    return Array.from(this.#values, value => value ?? null)
  }

  set state(values: readonly (number | null)[]) {
    this.#values = values.map(value => value ?? undefined)
  }

  /** Advantages (B, T): rewards less what was expected at their positions. */
  advantages(batch: Rewarded): Float32Array {
    this.#means(batch).forEach((mean, slot) => {
      this.#values[slot] ??= this.kind === 'none' ? 0 : mean
    })
    return Float32Array.from(batch.rewards, (reward, i) =>
      batch.weights[i] === 0 ? 0 : reward - this.#values[this.#slot(batch.positions[i]!)]!,
    )
  }

  /** Takes the rewards of a batch in, once its advantages are known. */
  update(batch: Rewarded): void {
    if (this.kind === 'none') return
    this.#means(batch).forEach((mean, slot) => {
      this.#values[slot] = this.decay * (this.#values[slot] ?? mean) + (1 - this.decay) * mean
    })
  }

  #slot(position: number): number {
    return this.kind === 'by-position' ? position : 0
  }

  #means({ rewards, positions, weights }: Rewarded): Map<number, number> {
    const sums = new Map<number, { sum: number; count: number }>()
    for (let i = 0; i < rewards.length; i++) {
      if (weights[i] === 0) continue
      const slot = this.#slot(positions[i]!)
      const { sum, count } = sums.get(slot) ?? { sum: 0, count: 0 }
      sums.set(slot, { sum: sum + rewards[i]!, count: count + 1 })
    }
    return new Map([...sums].map(([slot, { sum, count }]) => [slot, sum / count]))
  }
}
