import type { CompositionStatistics } from './composition/statistics.js'
import type { GptNeoConfig } from './model/config.js'
import type { PretrainedOrigin } from './pretrained/pretrained-model.js'
import type { Transitions } from './transitions.js'
import type { Validation } from './validation.js'
import type { Vocabulary } from './vocabulary.js'

/** Mean losses of one pass over the training sessions, in nats. */
export interface EpochRecord {
  readonly trainingLoss: number
  /** Missing where nothing was held out. */
  readonly validationLoss?: number
}

/** Means over one batch of reinforcement, and over the steps of Adam on it. */
export interface ReinforcementStep {
  readonly step: number
  readonly reward: number
  /** The reward that was expected. */
  readonly baseline: number
  /** pi / pi_old. */
  readonly ratio: number
  /** Of the new policy from the old one, in nats. */
  readonly approxKl: number
  /** Share of the actions whose ratio left the clip range. */
  readonly clipFraction: number
  readonly entropy: number
  readonly crossEntropy: number
  /** Share of the validation targets not among the K likeliest before the step; only now and then, and where something was held out. */
  readonly topKMissRate?: number
}

/** What reinforcement did to a model. */
export interface ReinforcementRecord {
  /** K of the reward. */
  readonly topK: number
  /** Batches learnt from, and how many there would have been with time enough. */
  readonly numSteps: number
  readonly numPlannedSteps: number
  /** All steps, or as many evenly spaced ones as are kept. */
  readonly steps: readonly ReinforcementStep[]
}

/** A trained model with all that scoring needs to know about it. */
export interface TrainedModel {
  readonly config: GptNeoConfig
  readonly parameters: Float32Array
  readonly vocabulary: Vocabulary
  /** What the detectors found in sessions held out of training. */
  readonly validation: Validation
  /** What normal sessions are made of. */
  readonly composition: CompositionStatistics
  /** Which key followed which, to temper what the network says. */
  readonly transitions: Transitions
  /** Surprise given to keys that were not there in training; see unknownSurprise. */
  readonly unknownSurprise: number
  readonly training: TrainingRecord
  /** What training saw that scoring does not need: for reports, never part of a bundle. */
  readonly details?: TrainingDetails
}

/** How often a log key came up in the training sessions. */
export interface KeyCount {
  readonly key: string
  readonly numEvents: number
  readonly numSessions: number
}

/** A validation session as the model that did not train on it saw it. */
export interface SurprisingSession {
  /** Id as the log names it, if known. */
  readonly id?: string | undefined
  readonly keys: readonly string[]
  /** -ln p of each key, then of the end if that was seen. */
  readonly surprises: ArrayLike<number>
  /** Index into `surprises` of the largest. */
  readonly worst: number
  /** What the model held likeliest at `worst`, best first; without a key, the end of the session. */
  readonly expected: readonly { readonly key: string | undefined; readonly probability: number }[]
}

export interface TrainingDetails {
  /** In the vocabulary's order. */
  readonly keyCounts: readonly KeyCount[]
  readonly numEventsOfLongest: number
  /** Validation sessions with the largest surprises, largest first; sessions with the same keys count once. */
  readonly surprising: readonly SurprisingSession[]
}

export interface TrainingRecord {
  /** Settings as resolved, for the record. */
  readonly options: Readonly<Record<string, unknown>>
  readonly numSessions: number
  /** What training started from; absent where it started at random. */
  readonly startedFrom?: PretrainedOrigin
  /** Sessions left out as outliers. */
  readonly numTrimmed: number
  readonly numEvents: number
  readonly numValidationSessions: number
  /** Steps of the model kept, and how many there would have been without early stopping and with time enough. */
  readonly numSteps: number
  readonly numPlannedSteps: number
  /** Of the model kept. */
  readonly epochs: readonly EpochRecord[]
  /** Of the models that calibration rests on. */
  readonly foldEpochs: readonly (readonly EpochRecord[])[]
  /** Of the model kept and of those that calibration rests on; missing without reinforcement. */
  readonly reinforcement?: {
    readonly model: ReinforcementRecord
    readonly folds: readonly ReinforcementRecord[]
  }
  readonly seconds: number
}
