import type { CompositionStatistics } from './composition/statistics.js'
import type { GptNeoConfig } from './model/config.js'
import type { PretrainedOrigin } from './pretrained/pretrained-model.js'
import type { Validation } from './validation.js'
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
  /** What the detectors found in sessions held out of training. */
  readonly validation: Validation
  /** What normal sessions are made of. */
  readonly composition: CompositionStatistics
  /** Surprise given to keys that were not there in training; see unknownSurprise. */
  readonly unknownSurprise: number
  readonly training: TrainingRecord
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
  /** Of the model kept. */
  readonly epochs: readonly EpochRecord[]
  /** Of the models that calibration rests on. */
  readonly foldEpochs: readonly (readonly EpochRecord[])[]
  readonly seconds: number
}
