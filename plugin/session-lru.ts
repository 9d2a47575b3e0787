import { LRUCache } from 'lru-cache'
import { EventClock } from './event-clock.js'
import {
  type ClosedSession,
  type CloseReason,
  type DueSessions,
  type HeldSession,
  type HeldSessions,
  type Memory,
  newSession,
  type Session,
  type SessionTracker,
} from './session.js'

export interface SessionLimits {
  /** Sessions held at most; the least recently touched one makes room, unfinished. */
  readonly maxSessions: number
  /** A session without a line for this long, in event time, is over. */
  readonly idleTimeoutMs: number
  /** How far lines may come out of order before they count as late, in milliseconds. */
  readonly disorderMs: number
}

/** Sessions by id in this process, least recently touched first. */
export class SessionLru implements SessionTracker {
  readonly #sessions: LRUCache<string, HeldSession>
  readonly #placed: Session[] = []
  /** No session can be idle for too long before this event time. */
  #nextExpiryMs = Number.NEGATIVE_INFINITY

  constructor(
    readonly limits: SessionLimits,
    readonly begin: () => Memory,
    readonly wallClock: () => number = Date.now,
    readonly clock: EventClock = new EventClock(wallClock),
  ) {
    this.#sessions = new LRUCache({ max: limits.maxSessions })
  }

  get size(): number {
    return this.#sessions.size
  }

  get patienceMs(): number {
    return this.limits.idleTimeoutMs + this.limits.disorderMs
  }

  get nowMs(): number {
    return this.clock.now
  }

  *sessions(): Generator<Session> {
    for (const held of this.#sessions.rvalues()) yield held!.session
  }

  *held(): Generator<DueSessions> {
    for (const held of this.#sessions.rvalues()) {
      const { id, lastMs } = held!.session
      yield { id, held: [held!], dueMs: lastMs + this.patienceMs }
    }
  }

  restore({ id, held: [one] }: HeldSessions): void {
    if (one === undefined) return
    this.#sessions.set(id, one)
    this.#nextExpiryMs = Number.NEGATIVE_INFINITY
  }

  place(id: string, timeMs: number, closed: ClosedSession[], origin?: string): readonly Session[] {
    const own = this.clock.advance(timeMs, origin)
    const { now } = this.clock
    if (now >= this.#nextExpiryMs) this.#closeIdle(now, closed)
    // A time that the clock does not believe would keep the session, and all behind it, from ever being idle.
    const at = Math.min(timeMs, own)
    let held = this.#sessions.get(id)
    if (held !== undefined && this.#hasPaused(held, at, own)) {
      this.#close(held.session, 'idle', closed)
      held = undefined
    }
    if (held === undefined) {
      if (this.#sessions.size === this.limits.maxSessions)
        this.#close(this.#oldest()!.session, 'evicted', closed)
      const session = newSession(id, this.begin(), at)
      held = { session, touchedWallMs: 0, doubtedMs: Number.NaN, startMs: Number.NaN }
      this.#sessions.set(session.id, held)
    }
    const { session } = held
    if (!(session.lastMs > at)) session.lastMs = Number.isNaN(at) ? session.lastMs : at
    held.touchedWallMs = this.wallClock()
    held.doubtedMs = timeMs > own ? timeMs : Number.NaN
    this.#placed[0] = session
    return this.#placed
  }

  end(id: string, closed: ClosedSession[]): void {
    const held = this.#sessions.peek(id)
    if (held !== undefined) this.#close(held.session, 'end', closed)
  }

  closeSilent(nowWallMs: number, closed: ClosedSession[]): void {
    for (let held = this.#oldest(); held !== undefined; held = this.#oldest()) {
      if (nowWallMs - held.touchedWallMs <= this.patienceMs) return
      this.#close(held.session, 'idle', closed)
    }
  }

  closeAll(reason: CloseReason, closed: ClosedSession[]): void {
    for (let held = this.#oldest(); held !== undefined; held = this.#oldest())
      this.#close(held.session, reason, closed)
  }

  closeFrom(origin: string, closed: ClosedSession[]): void {
    this.clock.forget(origin)
    for (const session of [...this.sessions()])
      if (session.origin === origin) this.#close(session, 'open', closed)
  }

  /**
   * Whether a session's next line comes too late to belong to it. The time of the whole log may be behind by then, where another part of it is:
   * what a session is must not depend on how far other parts are.
   */
  #hasPaused({ session, doubtedMs }: HeldSession, atMs: number, ownMs: number): boolean {
    return atMs - (doubtedMs <= ownMs ? doubtedMs : session.lastMs) > this.patienceMs
  }

  #closeIdle(now: number, closed: ClosedSession[]): void {
    for (;;) {
      const held = this.#oldest()
      if (held === undefined) return
      const { session } = held
      if (held.doubtedMs <= now) session.lastMs = held.doubtedMs
      // Without a time of its own it is idle from the first time known after it.
      if (Number.isNaN(session.lastMs)) session.lastMs = now
      const expiry = session.lastMs + this.patienceMs
      if (!(now > expiry)) {
        this.#nextExpiryMs = expiry
        return
      }
      this.#close(session, 'idle', closed)
    }
  }

  #oldest(): HeldSession | undefined {
    const [held] = this.#sessions.rvalues()
    return held
  }

  #close(session: Session, reason: CloseReason, closed: ClosedSession[]): void {
    this.#sessions.delete(session.id)
    closed.push({ session, reason })
  }
}
