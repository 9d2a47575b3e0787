import type { Calibration } from './calibrate.js'
import type { GptNeoConfig } from './model/config.js'
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
  /** All steps, or as many evenly spaced ones as are kept. */
  readonly steps: readonly ReinforcementStep[]
}

/** A trained model with all that scoring needs to know about it. */
export interface TrainedModel {
  readonly config: GptNeoConfig
  readonly parameters: Float32Array
  readonly vocabulary: Vocabulary
  readonly calibration: Calibration
  /** Surprise given to keys that were not there in training; see unknownSurprise. */
  readonly unknownSurprise: number
  readonly training: TrainingRecord
}

export interface TrainingRecord {
  /** Settings as resolved, for the record. */
  readonly options: Readonly<Record<string, unknown>>
  readonly numSessions: number
  /** Sessions left out as outliers. */
  readonly numTrimmed: number
  readonly numEvents: number
  readonly numValidationSessions: number
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
