import { z } from 'zod'
import type { ClosedSession, SessionTracker } from './session.js'

const points = z.array(z.tuple([z.number().nonnegative(), z.number().min(0).max(1)])).max(1000)

/** How long sessions were quiet in training: by template id, points (seconds, share of pauses longer than that). */
export const pausesSchema = z.strictObject({ byTemplate: z.record(z.string(), points), overall: points })

export type PauseTable = z.infer<typeof pausesSchema>

/**
 * Whether silence means anything yet. That a session stopped after some line is no surprise while pauses of that length are usual there, however
 * sure the model is that something follows.
 */
export class Pauses {
  readonly #byTemplate: ReadonlyMap<string, PauseTable['overall']>
  readonly #overall: PauseTable['overall']

  constructor(table: PauseTable | undefined) {
    this.#byTemplate = new Map(Object.entries(table?.byTemplate ?? {}))
    this.#overall = table?.overall ?? []
  }

  /** Share of the pauses after lines of a template that last longer than `quietMs`; 0 where nothing is known or the quiet is for ever. */
  shareLonger(templateId: string | undefined, quietMs: number): number {
    const curve = (templateId === undefined ? undefined : this.#byTemplate.get(templateId)) ?? this.#overall
    if (curve.length === 0 || !(quietMs < Number.POSITIVE_INFINITY)) return 0
    let share = 1
    for (const [seconds, longer] of curve) {
      if (seconds * 1000 > quietMs) break
      share = longer
    }
    return share
  }

  /**
   * How often a session that closed was merely pausing: the share of such pauses that last longer than it has been quiet. When an idle session is
   * noticed depends on what other sessions say; that it is over does not.
   */
  mayPause({ session, reason }: ClosedSession, { nowMs, patienceMs }: SessionTracker): number {
    if (reason !== 'idle' && reason !== 'complete') return 0
    const { lastMs, lastTemplate } = session
    const quietMs = reason === 'idle' ? patienceMs : nowMs - lastMs
    return Number.isNaN(quietMs) ? 0 : this.shareLonger(lastTemplate, quietMs)
  }
}

/** Surprise of a session's silence: -ln of the chance that it has ended, or that it goes on and merely pauses. */
export function silenceSurprise(endSurprise: number, shareLonger: number): number {
  const hasEnded = Math.exp(-endSurprise)
  return -Math.log(hasEnded + (1 - hasEnded) * shareLonger)
}
