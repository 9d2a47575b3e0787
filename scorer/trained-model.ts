import type { Calibration } from './calibrate.js'
import type { GptNeoConfig } from './model/config.js'
import type { Vocabulary } from './vocabulary.js'

/** Mean losses of one pass over the training sessions, in nats. */
export interface EpochRecord {
  readonly trainingLoss: number
  /** Missing where nothing was held out. */
  readonly validationLoss?: number
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
  /** Steps of the model kept, and how many there would have been without early stopping and with time enough. */
  readonly numSteps: number
  readonly numPlannedSteps: number
  /** Of the model kept. */
  readonly epochs: readonly EpochRecord[]
  /** Of the models that calibration rests on. */
  readonly foldEpochs: readonly (readonly EpochRecord[])[]
  readonly seconds: number
}
