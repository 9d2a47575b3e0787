import { EventClock } from './event-clock.js'
import {
  type ClosedSession,
  type CloseReason,
  type DueSessions,
  type HeldSession,
  type HeldSessions,
  type Memory,
  newSession,
  ownCopy,
  type Session,
  type SessionTracker,
} from './session.js'
import type { SessionLimits } from './session-lru.js'

/** Times beyond what a Date can hold name no window; such lines are taken as having none. */
const MAX_DATE_MS = 8.64e15

export interface WindowSpan {
  readonly lengthMs: number
  /** Windows begin at multiples of this, so up to lengthMs / stepMs are open at a time. */
  readonly stepMs: number
}

/**
 * Windows of time, of each group by itself. A line belongs to every window its time lies in and is scored in the earliest of them, whose
 * context is the longest. Lines later than all windows of their group are placed in the earliest window still open.
 */
export class SessionWindows implements SessionTracker {
  readonly #groups = new Map<string, HeldSession[]>()
  readonly #placed: Session[] = []
  #size = 0
  #nextExpiryMs = Number.NEGATIVE_INFINITY

  constructor(
    readonly span: WindowSpan,
    readonly limits: SessionLimits,
    readonly begin: () => Memory,
    readonly wallClock: () => number = Date.now,
    readonly clock: EventClock = new EventClock(wallClock),
  ) {}

  get size(): number {
    return this.#size
  }

  get patienceMs(): number {
    return this.span.lengthMs + this.limits.disorderMs
  }

  get nowMs(): number {
    return this.clock.now
  }

  *sessions(): Generator<Session> {
    for (const windows of this.#groups.values()) for (const { session } of windows) yield session
  }

  *held(): Generator<DueSessions> {
    for (const [id, held] of this.#groups) {
      if (held.length > 0) yield { id, held, dueMs: held[0]!.startMs + this.patienceMs }
    }
  }

  restore({ id, held }: HeldSessions): void {
    this.#groups.set(id, [...held])
    this.#size += held.length
    this.#nextExpiryMs = Number.NEGATIVE_INFINITY
  }

  place(id: string, lineMs: number, closed: ClosedSession[], origin?: string): readonly Session[] {
    const timeMs = Math.abs(lineMs) <= MAX_DATE_MS ? lineMs : Number.NaN
    const clock = this.clock.advance(timeMs, origin)
    if (this.clock.now >= this.#nextExpiryMs) this.#closePast(this.clock.now, closed)
    const now = Number.isNaN(timeMs) || timeMs > clock ? clock : timeMs
    const windows = this.#groupOf(id, closed)
    this.#openUpTo(id, windows, Number.isFinite(now) ? now : 0)
    this.#placed.length = 0
    for (const window of windows) {
      if (window.startMs > now && this.#placed.length > 0) break
      window.touchedWallMs = this.wallClock()
      window.session.lastMs = Math.max(window.session.lastMs, now)
      this.#placed.push(window.session)
    }
    return this.#placed
  }

  end(): void {
    // Windows end by time alone.
  }

  closeSilent(nowWallMs: number, closed: ClosedSession[]): void {
    this.#closeWhere(window => nowWallMs - window.touchedWallMs > this.patienceMs, 'window', closed)
  }

  closeAll(reason: CloseReason, closed: ClosedSession[]): void {
    this.#closeWhere(() => true, reason === 'open' ? 'open' : 'window', closed)
  }

  closeFrom(origin: string, closed: ClosedSession[]): void {
    this.clock.forget(origin)
    // The windows of a group get the same lines, the latest window perhaps alone.
    this.#closeWhere(window => window.session.origin === origin, 'open', closed)
  }

  #groupOf(id: string, closed: ClosedSession[]): HeldSession[] {
    const known = this.#groups.get(id)
    if (known !== undefined) {
      this.#groups.delete(id)
      this.#groups.set(id, known)
      return known
    }
    if (this.#size >= this.limits.maxSessions) {
      const [oldest] = this.#groups.keys()
      this.#closeGroup(oldest!, closed)
    }
    const fresh: HeldSession[] = []
    this.#groups.set(ownCopy(id), fresh)
    return fresh
  }

  /** Opens the windows that hold the time `now` and are not open yet. */
  #openUpTo(id: string, windows: HeldSession[], now: number): void {
    const { lengthMs, stepMs } = this.span
    const earliest = Math.floor((now - lengthMs) / stepMs) * stepMs + stepMs
    const after = windows.at(-1)?.startMs ?? Number.NEGATIVE_INFINITY
    for (let startMs = Math.max(earliest, after + stepMs); startMs <= now; startMs += stepMs) {
      const label = `${id}@${new Date(startMs).toISOString()}`
      const session = newSession(label, this.begin(), now)
      windows.push({ session, touchedWallMs: 0, doubtedMs: Number.NaN, startMs })
      this.#size++
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, startMs + lengthMs + this.limits.disorderMs)
    }
  }

  #closePast(clock: number, closed: ClosedSession[]): void {
    const { lengthMs } = this.span
    const { disorderMs } = this.limits
    this.#nextExpiryMs = Number.POSITIVE_INFINITY
    this.#closeWhere(window => clock >= window.startMs + lengthMs + disorderMs, 'window', closed)
    for (const windows of this.#groups.values()) {
      if (windows.length > 0)
        this.#nextExpiryMs = Math.min(this.#nextExpiryMs, windows[0]!.startMs + lengthMs + disorderMs)
    }
  }

  #closeWhere(isOver: (window: HeldSession) => boolean, reason: CloseReason, closed: ClosedSession[]): void {
    for (const [id, windows] of this.#groups) {
      while (windows.length > 0 && isOver(windows[0]!)) this.#close(windows.shift()!, reason, closed)
      if (windows.length === 0) this.#groups.delete(id)
    }
  }

  #closeGroup(id: string, closed: ClosedSession[]): void {
    for (const window of this.#groups.get(id)!) this.#close(window, 'evicted', closed)
    this.#groups.delete(id)
  }

  #close(window: HeldSession, reason: CloseReason, closed: ClosedSession[]): void {
    this.#size--
    closed.push({ session: window.session, reason })
  }
}
