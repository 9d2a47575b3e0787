import type { ReplaySession } from './replay-buffer.js'

/** When there is enough to train a first model on. */
export interface ReadinessOptions {
  /** Sessions that must have closed. Default 500. */
  readonly sessions?: number
  /** Templates that may have come up in the last third of them and not before. Default 3. */
  readonly newTemplates?: number
}

/** Half a thousand sessions calibrate a false-alarm rate of one in a hundred by counting; finer ones are extrapolated until the next training. */
export const DEFAULT_READINESS_OPTIONS = Object.freeze({
  sessions: 500,
  newTemplates: 3,
}) satisfies Required<ReadinessOptions>

/** From so many times the sessions asked for on, training begins although new templates keep coming: some logs never run out of them. */
const MAX_WAIT = 10

/** Whether sessions, the oldest first, are enough, and hold nearly every template there is. */
export function isReady(sessions: readonly ReplaySession[], options: Required<ReadinessOptions>): boolean {
  const { length } = sessions
  if (length < options.sessions) return false
  return length >= MAX_WAIT * options.sessions || numNew(sessions) <= options.newTemplates
}

/** Templates that only the last third of the sessions holds. */
export function numNew(sessions: readonly ReplaySession[]): number {
  const before = Math.floor((sessions.length * 2) / 3)
  const known = new Set(sessions.slice(0, before).flatMap(({ keys }) => keys))
  const late = new Set(sessions.slice(before).flatMap(({ keys }) => keys))
  return [...late].filter(key => !known.has(key)).length
}
