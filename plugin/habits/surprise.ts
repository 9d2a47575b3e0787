/**
 * Surprise in nats of what `seen` of `of` sessions show: -ln p, with half a session added for it and half against (Krichevsky and Trofimov, 1981),
 * so what few sessions vouch for says little.
 */
export function surpriseOf(seen: number, of: number): number {
  const all = Math.max(0, of)
  return -Math.log((Math.min(all, Math.max(0, seen)) + 0.5) / (all + 1))
}

/** How surprising a value is, and what that rests on: `seen` of `of` normal sessions hold one as odd. */
export interface Oddness {
  readonly surprise: number
  readonly seen: number
  readonly of: number
}
