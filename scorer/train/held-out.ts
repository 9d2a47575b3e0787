import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import { UNKNOWN } from '../vocabulary.js'
import type { Trainable } from './trainable.js'

/** How a model does on sessions that it does not train on: means over their targets, unknown keys aside. */
export interface HeldOutFigures {
  /** -ln p, in nats. */
  readonly loss: number
  /** Share of the targets that are not among the K likeliest tokens. */
  readonly topKMissRate: number
}

/** Holds a trained vector against sessions held out of training. */
export class HeldOut {
  private constructor(
    readonly sequences: readonly TokenSequence[],
    readonly scorer: SequenceScorer,
    readonly frozen: Trainable['frozen'],
  ) {}

  static async load(
    config: GptNeoConfig,
    { form, frozen }: Pick<Trainable, 'form' | 'frozen'>,
    sequences: readonly TokenSequence[],
    threads: number,
  ): Promise<HeldOut> {
    return new HeldOut(
      sequences,
      await SequenceScorer.load(config, sequenceGraph(config, form), threads),
      frozen,
    )
  }

  /** @param parameters the trained vector (size of the form) */
  async figures(parameters: Float32Array, topK: number): Promise<HeldOutFigures> {
    const weights = { ...this.frozen, parameters: { data: parameters, shape: [parameters.length] } }
    return meanFigures(this.sequences, await this.scorer.score(weights, this.sequences), topK)
  }

  async release(): Promise<void> {
    await this.scorer.release()
  }
}

function meanFigures(
  sequences: readonly TokenSequence[],
  scores: readonly SequenceScores[],
  topK: number,
): HeldOutFigures {
  let surprise = 0
  let numMissed = 0
  let count = 0
  scores.forEach(({ surprises, ranks }, i) => {
    for (let at = 0; at < surprises.length; at++) {
      if (sequences[i]!.tokens[at] === UNKNOWN) continue
      surprise += surprises[at]!
      if (ranks[at]! >= topK) numMissed++
      count++
    }
  })
  return { loss: surprise / Math.max(count, 1), topKMissRate: numMissed / Math.max(count, 1) }
}
