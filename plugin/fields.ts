import type { FieldSet, Verdict } from './verdict.js'

/** A verdict with the fields asked for and numbers of sensible length; anomalies keep all. */
export function trimVerdict(verdict: Verdict, fields: FieldSet): Verdict {
  const { status, anomaly, score, severity, surprise } = verdict
  const numbers = {
    ...(score !== undefined && { score: round(score) }),
    ...(surprise !== undefined && { surprise: round(surprise) }),
  }
  if (fields === 'full' || anomaly === true || status !== 'scored') return { ...verdict, ...numbers }
  return {
    status,
    ...(anomaly !== undefined && { anomaly }),
    ...(score !== undefined && { score: round(score) }),
    ...(severity !== undefined && { severity }),
    ...(verdict.continuation && { continuation: verdict.continuation }),
  }
}

/** Six decimals: what is beyond them differs between batches. Never -0, which takes nine bytes and puzzles readers. */
export function round(value: number): number {
  return Math.round(value * 1e6) / 1e6 + 0
}
