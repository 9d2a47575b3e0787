import type { Findings } from './findings.js'

/** A difference beyond this confuses whoever compares times, in milliseconds. */
const MAX_SKEW_MS = 5000

/**
 * Compares a peer's clock with ours.
 *
 * @param theirMs what it said, in milliseconds since the epoch
 * @param resolutionMs how exactly it said so
 */
export function noteClock(findings: Findings, theirMs: number, resolutionMs = 1): void {
  const skewMs = theirMs - Date.now()
  if (!Number.isFinite(skewMs)) return
  const seconds = (Math.abs(skewMs) / 1000).toFixed(1)
  if (Math.abs(skewMs) > MAX_SKEW_MS + resolutionMs)
    findings.warning(
      `its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours`,
      'set both by NTP: sessions end and records expire by these clocks',
    )
  else findings.ok(`its clock agrees with ours within ${MAX_SKEW_MS / 1000} s`)
}
