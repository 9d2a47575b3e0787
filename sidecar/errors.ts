/** Base of the sidecar's errors: `code` is stable, `retriable` says if trying again can help. */
export abstract class SidecarError extends Error {
  abstract readonly code: `ERR_SIDECAR_${string}`
  abstract readonly retriable: boolean

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
  }
}

/** Thrown when options are wrong: lists every problem at once. */
export class SidecarOptionsError extends SidecarError {
  readonly code = 'ERR_SIDECAR_OPTIONS'
  readonly retriable = false

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

/** Thrown when the server cannot listen where it should. */
export class ListenError extends SidecarError {
  readonly code = 'ERR_SIDECAR_LISTEN'
  readonly retriable = false
}

/** Thrown when a byte stream is not what the protocol says: only closing the connection helps. */
export class ProtocolError extends SidecarError {
  readonly code = 'ERR_SIDECAR_PROTOCOL'
  readonly retriable = false
}

/** Thrown when the sidecar cannot be reached, gave no answer in time, or has another model: it may answer later. */
export class UnavailableError extends SidecarError {
  readonly code = 'ERR_SIDECAR_UNAVAILABLE'
  readonly retriable = true
}

/** Thrown when the sidecar answered a request with an error. */
export class RefusedError extends SidecarError {
  readonly code = 'ERR_SIDECAR_REFUSED'

  /** @param reason the error code of the protocol */
  constructor(
    readonly reason: string,
    message: string,
    readonly retriable: boolean,
  ) {
    super(message)
  }
}
