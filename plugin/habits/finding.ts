/**
 * What is odd about a line beyond its key: a value that is rare, or new where one was constant; a number that is high or low; the level of a kind of
 * line that is new; a pause, haste or burst of lines.
 */
export type HabitKind = 'value' | 'constant' | 'high' | 'low' | 'level' | 'pause' | 'haste' | 'burst'

/** The oddest of what a line showed. */
export interface HabitFinding {
  readonly kind: HabitKind
  /** In nats. */
  readonly surprise: number
  /** Of `of` normal sessions `seen` show as odd a thing there. */
  readonly seen: number
  readonly of: number
  /** The value as it stands, or the time or number of lines in words. */
  readonly value: string
  /** What is usual there, where that can be told. */
  readonly usual?: string | undefined
}

/** What is weaker is no finding: it is everyday life. */
export const MIN_FINDING = 1

/** The stronger of two findings. */
export function stronger(a: HabitFinding | undefined, b: HabitFinding | undefined): HabitFinding | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.surprise > a.surprise ? b : a
}
