import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a header is `Bearer TOKEN`. Digests are compared, so that neither the token's length nor its beginning shows in the time it takes. */
export function isBearer(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`))
}
