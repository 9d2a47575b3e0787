/** In nats; `unseen-key` is what the level of such a line adds to the surprise of its key. */
export type BeyondKeys = Readonly<Partial<Record<'parameter' | 'time-gap' | 'unseen-key', number>>>

/** The log keys of one session, in order, and whether its end was seen. */
export interface KeySequence {
  readonly keys: readonly string[]
  readonly ended: boolean
  /** Whether nothing of it is missing, as in a window of time, though nothing may be said to have ended. Default: where its end was seen. */
  readonly isWhole?: boolean
  /** Id as the log names it, for reports. */
  readonly id?: string
  /** What detectors that look at more than keys found at most, as if the session had not been learnt from. Default: nothing. */
  readonly statistics?: BeyondKeys
}

/** Whether nothing of a session is missing. */
export function isWhole({ ended, isWhole = ended }: KeySequence): boolean {
  return isWhole
}
