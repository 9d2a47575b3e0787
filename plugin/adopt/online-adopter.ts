import type { Composition } from '../../scorer/composition/composition.js'
import type { PropertyFilter } from '../../scorer/composition/findings.js'
import type { DetectorName } from '../../scorer/detectors/detector.js'
import type { Judge } from '../../scorer/judge.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'
import type { Keys } from '../keys.js'
import { silenceSurprise } from '../pauses.js'
import type { Session } from '../session.js'
import type { Adopter, Close, Place } from './adopter.js'
import { describeOddity } from './describe-oddity.js'
import { DETECTOR_OF, oddProperties } from './odd-properties.js'
import { habitOddity, newTemplate, type Oddity, oddityName, orderOddity, propertyOddity } from './oddity.js'
import type { Recurrence, Sightings } from './recurrence.js'
import type { StateDirectory } from './state-directory.js'

export interface OnlineAdopterParts {
  readonly state: StateDirectory
  /** Undefined: nothing is adopted by itself, only what somebody marks. */
  readonly recurrence: Recurrence | undefined
  readonly judge: Judge
  readonly composition: Composition
  readonly keys: Keys
}

/** Odd places remembered of one session. */
const MAX_PLACES = 64
/** Oddities told in words. */
const MAX_DESCRIBED = 12

/** Adopts, one by one, the oddities of flagged sessions that keep coming back. */
export class OnlineAdopter implements Adopter {
  readonly filter: PropertyFilter

  constructor(readonly parts: OnlineAdopterParts) {
    const { state, judge, keys } = parts
    const { adoptions } = state
    this.filter = {
      passesOver: (property, surprise) =>
        adoptions.size > 0 &&
        property.token !== UNKNOWN &&
        judge.isOdd(DETECTOR_OF[property.kind], surprise) &&
        adoptions.has(oddityName(propertyOddity(property, keys))),
    }
  }

  passes(session: Session, place: Place, detector: DetectorName, surprise: number): boolean {
    const { judge, keys } = this.parts
    const { previous, token, templateId } = place
    // New kinds of line add up, and other detectors see them too: adopted ones must count for nothing though one of them is not odd.
    if (token === UNKNOWN) return this.#passes(session, newTemplate(templateId!))
    return judge.isOdd(detector, surprise) && this.#passes(session, orderOddity(previous, token, keys))
  }

  passesHabit(
    session: Session,
    { templateId }: Place,
    detector: 'parameter' | 'time-gap',
    surprise: number,
  ): boolean {
    if (!this.parts.judge.isOdd(detector, surprise)) return false
    return this.#passes(session, habitOddity(detector, templateId!))
  }

  /** Whether an oddity was adopted; else the session's trail has it from now on. */
  #passes(session: Session, oddity: Oddity): boolean {
    const { state } = this.parts
    const name = oddityName(oddity)
    if (state.adoptions.has(name)) return true
    session.trail ??= new Map()
    if (session.trail.size < MAX_PLACES) session.trail.set(name, oddity)
    return false
  }

  flagged(session: Session, timeMs: number): void {
    this.#remember(session, timeMs, this.#oddities(session, { isWhole: false, mayPause: 0 }))
  }

  closed(session: Session, close: Close): void {
    const { recurrence } = this.parts
    recurrence?.closes()
    if (session.findings.numAnomalies === 0) return
    const oddities = this.#oddities(session, close)
    this.#remember(session, close.timeMs, oddities)
    if (recurrence !== undefined) this.#see(session, close.timeMs, oddities, recurrence)
  }

  /** What cannot be written holds all the same, until the next start. */
  #write(adoption: Parameters<StateDirectory['adopt']>[0]): void {
    const { state } = this.parts
    try {
      state.adopt(adoption)
    } catch (error) {
      state.options.warn?.(`what was adopted cannot be written to ${state.path}: ${(error as Error).message}`)
    }
  }

  /** All that is odd about a session and not adopted yet. */
  #oddities(session: Session, { isWhole, mayPause }: Omit<Close, 'timeMs'>): Oddity[] {
    const { state, composition, judge, keys } = this.parts
    const properties = oddProperties(composition, session.tally, isWhole, (detector, surprise) =>
      judge.isOdd(detector, silenceSurprise(surprise, mayPause)),
    )
    const all = [...(session.trail?.values() ?? []), ...properties.map(one => propertyOddity(one, keys))]
    return all.filter(oddity => !state.adoptions.has(oddityName(oddity)))
  }

  #remember({ id, findings }: Session, timeMs: number, oddities: readonly Oddity[]): void {
    this.parts.state.flagged({
      session: id,
      ...(Number.isFinite(timeMs) && { time: new Date(timeMs).toISOString() }),
      message: findings.message ?? '',
      oddities: [...oddities],
      description: this.#describe(oddities),
    })
  }

  #describe(oddities: readonly Oddity[]): string[] {
    const { keys } = this.parts
    const shown = oddities.slice(0, MAX_DESCRIBED).map(one => describeOddity(one, id => keys.templateOf(id)))
    return oddities.length > shown.length ? [...shown, `and ${oddities.length - shown.length} more`] : shown
  }

  #see(session: Session, timeMs: number, oddities: readonly Oddity[], recurrence: Recurrence): void {
    const { state, judge } = this.parts
    const isNew = oddities.some(({ kind }) => kind === 'unseen')
    const isMild = !isNew && judge.severity(true, session.findings.score) === 'low'
    const enough: { oddity: Oddity; sightings: Sightings }[] = []
    for (const oddity of oddities) {
      const name = oddityName(oddity)
      if (state.adoptions.isRefused(name)) continue
      const sightings = recurrence.see(name, timeMs, isMild)
      if (sightings !== undefined) enough.push({ oddity, sightings })
    }
    if (enough.length > 0) this.#adopt(session, timeMs, enough)
  }

  #adopt({ id }: Session, timeMs: number, enough: readonly { oddity: Oddity; sightings: Sightings }[]): void {
    const of = (read: (sightings: Sightings) => number): number[] =>
      enough.map(({ sightings }) => read(sightings))
    const oddities = enough.map(({ oddity }) => oddity)
    this.#write({
      time: isoTime(timeMs),
      by: 'recurrence',
      session: id,
      oddities,
      description: this.#describe(oddities),
      sightings: {
        sessions: Math.max(...of(({ sessions }) => sessions)),
        from: isoTime(Math.min(...of(({ firstMs }) => firstMs))),
        to: isoTime(Math.max(...of(({ lastMs }) => lastMs))),
      },
    })
  }
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
