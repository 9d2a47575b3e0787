import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether texts are the same. Their digests are compared, so that neither a length nor where texts differ shows in the time it takes. */
export function isSameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}
