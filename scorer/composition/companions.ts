import type { CompositionStatistics } from './statistics.js'

/** Stands for all sessions where a token could stand. */
export const EVERY = -1

/** A key that mostly comes along with another. */
export interface Companion {
  readonly token: number
  /** Sessions that hold the other key and not this one. */
  readonly without: number
}

/** A key that is missing from more than this share of the sessions is no companion: its absence is worth less than a nat. */
const MAX_SHARE_WITHOUT = 1 / Math.E

/** The companions of each token, and of EVERY session, the most faithful first: the first that a session lacks is the most surprising. */
export function companions(statistics: CompositionStatistics): Map<number, Companion[]> {
  const all = new Map<number, Companion[]>()
  const note = (token: number, companion: number, of: number, together: number): void => {
    const without = of - together
    if (without > of * MAX_SHARE_WITHOUT) return
    const list = all.get(token)
    if (list === undefined) all.set(token, [{ token: companion, without }])
    else list.push({ token: companion, without })
  }
  for (const token of statistics.tokens())
    note(EVERY, token, statistics.numSessions, statistics.sessionsWith(token))
  for (const [a, b, together] of statistics.pairs()) {
    note(a, b, statistics.sessionsWith(a), together)
    note(b, a, statistics.sessionsWith(b), together)
  }
  for (const list of all.values()) list.sort((a, b) => a.without - b.without || a.token - b.token)
  return all
}
