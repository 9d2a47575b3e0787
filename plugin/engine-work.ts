import type { Judged, LineInput } from './engine-parts.js'
import { Fifo } from './fifo.js'
import type { Ending, Occurrence } from './occurrence.js'
import type { ClosedSession, SessionTracker } from './session.js'

/**
 * Something to be decided once its prefix is computed: a line, or the end of a session. `index` is that of the line; for ends, of the line before
 * which the session closed.
 */
export type Question = { readonly index: number } & (
  | { readonly occurrence: Occurrence; readonly ending?: undefined }
  | { readonly ending: Ending; readonly occurrence?: undefined }
)

/** A session that closed and is still to be asked about, and the line before which it did. */
export interface PendingEnd {
  readonly closed: ClosedSession
  readonly index: number
}

/** Lines and ends that are still to be asked about. */
export interface Work {
  /** Where sessions are. */
  readonly tracker: SessionTracker
  readonly lines: readonly LineInput[]
  /** The line that is next. */
  next: number
  readonly ends: Fifo<PendingEnd>
  readonly judged: Judged
  /** Takes the sessions that closed, in their order. */
  readonly collect: ((closed: ClosedSession) => void) | undefined
}

/** Work on lines alone. */
export function workOn(lines: readonly LineInput[], tracker: SessionTracker, collect: Work['collect']): Work {
  const judged: Judged = { verdicts: new Array(lines.length), summaries: [] }
  return { tracker, lines, next: 0, ends: new Fifo(), judged, collect }
}

/** Work on sessions alone, those that `close` closes. */
export function workOnEnds(
  close: (closed: ClosedSession[]) => void,
  tracker: SessionTracker,
  collect: Work['collect'],
): Work {
  const work = workOn([], tracker, collect)
  const closed: ClosedSession[] = []
  close(closed)
  defer(closed, 0, work.ends)
  return work
}

/** Whether anything is still to be asked about. */
export function isLeft({ lines, next, ends }: Work): boolean {
  return next < lines.length || ends.length > 0
}

/** Moves the sessions that closed before line `index` to those still to be asked about. */
export function defer(closed: ClosedSession[], index: number, ends: Fifo<PendingEnd>): void {
  if (closed.length === 0) return
  for (const one of closed) ends.push({ closed: one, index })
  closed.length = 0
}
