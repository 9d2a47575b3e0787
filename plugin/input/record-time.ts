/** Larger numbers are not seconds but milliseconds, these not those but microseconds, and then nanoseconds. */
const MAX_SECONDS = 1e11
const MAX_MILLISECONDS = 1e14
const MAX_MICROSECONDS = 1e17

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/
const NUMBER = /^\d{9,19}(\.\d+)?$/

/** The time that a field of a record tells, in milliseconds since the epoch; NaN where it tells none. Takes ISO 8601, and numbers since the epoch in s, ms, us or ns. */
export function recordTimeMs(value: unknown): number {
  if (typeof value === 'number') return epochMs(value)
  if (typeof value === 'bigint') return epochMs(Number(value))
  if (typeof value !== 'string') return Number.NaN
  if (ISO.test(value)) return Date.parse(value)
  return NUMBER.test(value) ? epochMs(Number(value)) : Number.NaN
}

function epochMs(value: number): number {
  if (!(value > 0)) return Number.NaN
  if (value < MAX_SECONDS) return value * 1000
  if (value < MAX_MILLISECONDS) return value
  return value < MAX_MICROSECONDS ? value / 1000 : value / 1e6
}
