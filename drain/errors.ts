/** Base of the errors that `drain` throws; callers read `code` and `retriable`, never the text. */
export abstract class DrainError extends Error {
  abstract readonly code: string
  /** Whether doing the same again can help. */
  readonly retriable: boolean = false

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when options are wrong; lists every problem, one `name rule, got value` each. */
export class DrainConfigError extends DrainError {
  readonly code = 'ERR_DRAIN_CONFIG'

  constructor(readonly problems: readonly string[]) {
    super(`${problems.join('; ')}. Correct the option${problems.length > 1 ? 's' : ''} named`)
  }
}

/** Thrown when a stored snapshot is damaged, of another version or out of bounds. */
export class DrainSnapshotError extends DrainError {
  readonly code = 'ERR_DRAIN_SNAPSHOT'

  constructor(
    /** Where in the snapshot, such as `clusters[3].tokens`. */
    readonly path: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`snapshot ${path} ${problem}. Restore an undamaged snapshot or learn again`, options)
  }
}

/** Thrown when a pattern is not in the supported syntax or grows too large. */
export class PatternError extends DrainError {
  readonly code = 'ERR_DRAIN_PATTERN'

  constructor(
    readonly pattern: string,
    /** UTF-16 offset of the problem in the pattern. */
    readonly offset: number,
    problem: string,
  ) {
    super(
      `pattern ${JSON.stringify(pattern)}: ${problem} at offset ${offset}. Patterns are as in RE2: no back-references, no look-arounds but of one character class`,
    )
  }
}
