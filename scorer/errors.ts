/** Base of the scorer's errors: `code` is stable, `retriable` says if trying again can help. */
export abstract class ScorerError extends Error {
  abstract readonly code: string
  abstract readonly retriable: boolean

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
  }
}

/** Thrown when the runtime fails to run a graph; records then pass unscored. */
export class ScoringError extends ScorerError {
  readonly code = 'ERR_SCORER_RUN'
  readonly retriable = true
}

/** Thrown when ONNX Runtime, or the provider that was asked for, cannot be loaded: the message says what to install. */
export class ProviderError extends ScorerError {
  readonly code = 'ERR_SCORER_PROVIDER'
  readonly retriable = false

  /** @param reason what is missing, in a few words; the message goes on with what to do */
  constructor(
    message: string,
    readonly reason: string,
    cause?: unknown,
  ) {
    super(message, cause)
  }
}

/** Thrown when a model bundle cannot be used: missing, damaged, or written by a newer version. */
export class BundleError extends ScorerError {
  readonly code = 'ERR_SCORER_BUNDLE'
  readonly retriable = false
}

/** Thrown when there is too little data to train on. */
export class TrainingDataError extends ScorerError {
  readonly code = 'ERR_SCORER_TRAINING_DATA'
  readonly retriable = false
}

/** Thrown when a checkpoint to start from cannot be used: files missing or damaged, another architecture, other shapes. */
export class PretrainedError extends ScorerError {
  readonly code = 'ERR_SCORER_PRETRAINED'
  readonly retriable = false
}

/** Thrown when options of training contradict each other. */
export class TrainOptionsError extends ScorerError {
  readonly code = 'ERR_SCORER_OPTIONS'
  readonly retriable = false
}

/** Thrown when a training that was interrupted cannot be taken up again: other data, other options, or a damaged checkpoint. */
export class ResumeError extends ScorerError {
  readonly code = 'ERR_SCORER_RESUME'
  readonly retriable = false
}
