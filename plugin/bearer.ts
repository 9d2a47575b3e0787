import { isSameSecret } from '../sidecar/same-secret.js'

/** Whether a header is `Bearer TOKEN`. */
export function isBearer(header: string | undefined, token: string): boolean {
  return isSameSecret(header ?? '', `Bearer ${token}`)
}
