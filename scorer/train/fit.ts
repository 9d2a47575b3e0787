import type { GptNeoConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { EpochRecord } from '../trained-model.js'
import { UNKNOWN } from '../vocabulary.js'
import { type TrainProgress, trainMle } from './mle.js'
import type { ResolvedTrainOptions } from './options.js'

/** One model to train, and the sessions to hold it against. */
export interface FitTask {
  readonly config: GptNeoConfig
  readonly training: readonly TokenSequence[]
  /** Sessions that training does not see; none: all epochs are run. */
  readonly heldOut: readonly TokenSequence[]
  readonly options: ResolvedTrainOptions
}

export interface FitResult {
  readonly parameters: Float32Array
  readonly epochs: readonly EpochRecord[]
  /** Epoch (zero-based) whose parameters these are. */
  readonly bestEpoch: number
  /** Scores of the held-out sessions. */
  readonly scores: readonly SequenceScores[]
}

/** Trains one model and scores its held-out sessions. */
export async function fit(task: FitTask, onProgress: (progress: TrainProgress) => void): Promise<FitResult> {
  const { config, training, heldOut, options } = task
  const scorer = await SequenceScorer.load(config, sequenceGraph(config))
  const validationLoss =
    heldOut.length === 0
      ? undefined
      : async (parameters: Float32Array) => meanSurprise(heldOut, await scorer.score(parameters, heldOut))
  const { parameters, epochs, bestEpoch } = await trainMle(
    config,
    training,
    options,
    validationLoss,
    onProgress,
  )
  const scores = await scorer.score(parameters, heldOut)
  await scorer.release()
  return { parameters, epochs, bestEpoch, scores }
}

function meanSurprise(sequences: readonly TokenSequence[], scores: readonly SequenceScores[]): number {
  let sum = 0
  let count = 0
  scores.forEach(({ surprises }, i) => {
    surprises.forEach((surprise, at) => {
      if (sequences[i]!.tokens[at] === UNKNOWN) return
      sum += surprise
      count++
    })
  })
  return sum / Math.max(count, 1)
}
