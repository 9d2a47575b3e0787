export interface RetryDelays {
  /** Wait before the first retry, in milliseconds. */
  readonly retryMinMs: number
  /** Longest wait, in milliseconds. */
  readonly retryMaxMs: number
  /** Numbers from 0 to below 1. */
  readonly random: () => number
}

/** Doubles with each failure, and is spread from half to all of that so that many senders do not return at once. @param failures in a row, from 1 */
export function retryDelayMs(failures: number, { retryMinMs, retryMaxMs, random }: RetryDelays): number {
  const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures - 1, 30))
  return delayMs * (0.5 + random() / 2)
}
