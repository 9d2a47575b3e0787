export { type Bundle, type BundleExtras, readBundle, writeBundle } from './bundle.js'
export { Composition } from './composition/composition.js'
export { CompositionStatistics, type CompositionTable } from './composition/statistics.js'
export { DETECTOR_NAMES, type DetectorName } from './detectors/detector.js'
export {
  BundleError,
  PretrainedError,
  ProviderError,
  ResumeError,
  ScorerError,
  ScoringError,
  TrainingDataError,
  TrainOptionsError,
} from './errors.js'
export { Judge, type JudgeOptions } from './judge.js'
export { type GptNeoConfig, PRESET_NAMES, type PresetName, presetConfig } from './model/config.js'
export { PRECISIONS, type Precision } from './model/precision.js'
export type { Context, NextKeyScorer, Predictions } from './next-key-scorer.js'
export type { PretrainedOrigin } from './pretrained/pretrained-model.js'
export { type DeviceOptions, PROVIDERS, type Provider } from './provider.js'
export { Scorer, type ScorerOptions } from './scorer.js'
export type { TokenSequence } from './segments.js'
export { SequenceScorer, type SequenceScores } from './sequence-scorer.js'
export { removeCheckpoint } from './train/checkpoint-directory.js'
export type { TrainProgress } from './train/mle.js'
export { type CheckpointOptions, DEFAULT_TRAIN_OPTIONS, type TrainOptions } from './train/options.js'
export type { ReinforcementOptions } from './train/rl/options.js'
export { type KeySequence, train } from './train/train.js'
export type { TrainedModel } from './trained-model.js'
export { Transitions } from './transitions.js'
export type { Validation } from './validation.js'
export { BEGIN, END, UNKNOWN, Vocabulary } from './vocabulary.js'
