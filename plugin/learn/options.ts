import { DEFAULT_READINESS_OPTIONS, type ReadinessOptions } from './readiness.js'

/** How a stage learns while it runs. */
export interface LearnerOptions extends ReadinessOptions {
  /** Memory for sessions to train on, in bytes. Default 32 MiB. */
  readonly bufferBytes?: number
  /** Whether a model is trained anew when the log has moved from what it learnt. Default false. */
  readonly onDrift?: boolean
  /** Hours, as the log tells them, after which a model is trained anew. Default: never. */
  readonly everyHours?: number | undefined
  readonly seed?: number
  /** Passes of training. Default: as by `logneo train`. */
  readonly epochs?: number | undefined
}

export const DEFAULT_LEARNER_OPTIONS = Object.freeze({
  ...DEFAULT_READINESS_OPTIONS,
  bufferBytes: 32 * 2 ** 20,
  onDrift: false,
  everyHours: undefined,
  seed: 42,
  epochs: undefined,
}) satisfies Required<LearnerOptions>
