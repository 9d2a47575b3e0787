/** What of a verdict must be the same however it came to be; its score is compared beside it. */
export interface JudgedFields {
  readonly status?: unknown
  readonly anomaly?: unknown
  readonly reasons?: unknown
}

/** In the lowest two bits of a code. */
const STATUSES = ['scored', 'unscored', 'learning']
const NO_STATUS = 3
const ANOMALY = 4

/** Status, flag and reasons in 32 bits. */
export function verdictCode({ status, anomaly, reasons }: JudgedFields): number {
  const found = STATUSES.indexOf(String(status))
  const low = (found < 0 ? NO_STATUS : found) | (anomaly === true ? ANOMALY : 0)
  return (Array.isArray(reasons) ? (hash(reasons.join()) & ~7) | low : low) >>> 0
}

export const isScored = (code: number): boolean => (code & 3) === 0

/** FNV-1a. */
function hash(text: string): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193)
  return sum
}
