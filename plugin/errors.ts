/** What every error of the pipeline stage carries, so that a caller can decide without reading the message. */
export abstract class PluginError extends Error {
  /** Stable name of the kind of error, for programs. */
  abstract readonly code: `ERR_${string}`
  /** Whether the same call may succeed later without anybody changing anything. */
  abstract readonly retriable: boolean

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when options are wrong. Lists every problem at once as name, rule and value. */
export class ConfigError extends PluginError {
  readonly code = 'ERR_CONFIG'
  readonly retriable = false

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

/** Why a connection's byte stream cannot be followed any further. */
export type StreamFault = 'invalid' | 'too_deep' | 'too_large' | 'not_forward'

/** Thrown when a byte stream is no longer msgpack, or a frame passes a limit: only closing the connection helps. */
export class BrokenStreamError extends PluginError {
  readonly code = 'ERR_FORWARD_STREAM'
  readonly retriable = false

  constructor(
    readonly fault: StreamFault,
    message: string,
  ) {
    super(message)
  }
}

/** Thrown when one frame, or the payload inside it, cannot be understood. The stream around it is intact. */
export class BadFrameError extends PluginError {
  readonly code = 'ERR_FORWARD_FRAME'
  readonly retriable = false
}

/** Thrown when a payload unpacks to more than is allowed. */
export class UnpackedTooLargeError extends BadFrameError {
  /** @param maxBytes the limit that it passes */
  constructor(maxBytes: number, options?: ErrorOptions) {
    super(`the chunk unpacks to over ${maxBytes} bytes: send smaller ones`, options)
  }
}

/** Thrown when a record is more than the receiver, or the way there, can ever take. Nothing of that call was sent. */
export class RecordTooLargeError extends PluginError {
  readonly code = 'ERR_FORWARD_RECORD_TOO_LARGE'
  readonly retriable = false

  /**
   * @param entryIndex which entry of the call, zero-based
   * @param entryBytes its size
   * @param problem what it is too large for, going on with "has N bytes and"
   */
  constructor(
    readonly entryIndex: number,
    readonly entryBytes: number,
    problem: string,
  ) {
    super(
      `entry ${entryIndex} has ${entryBytes} bytes and ${problem}: shorten the record or send it to the dead-letter file`,
    )
  }
}

/** A record that its receiver will never take. */
export interface RefusedRecord {
  /** Which entry of the call, zero-based. */
  readonly entryIndex: number
  /** The receiver's words for why, or ours. */
  readonly reason: string
}

/** Thrown when a receiver will never take some records of a call. All others of that call are delivered. */
export class RecordsRefusedError extends PluginError {
  readonly code = 'ERR_RECORDS_REFUSED'
  readonly retriable = false

  constructor(
    output: string,
    readonly refused: readonly RefusedRecord[],
  ) {
    super(
      `${output} refused ${refused.length} records (${refused[0]?.reason}): mend them, or what the receiver wants of them`,
    )
  }
}

/** Thrown when the receiver did not take a chunk within the attempts or the time allowed. */
export class DeliveryError extends PluginError {
  readonly code = 'ERR_FORWARD_DELIVERY'
  readonly retriable = true
}

/** Thrown when an output is used after it was closed. */
export class ClosedError extends PluginError {
  readonly code = 'ERR_CLOSED'
  readonly retriable = false
}
