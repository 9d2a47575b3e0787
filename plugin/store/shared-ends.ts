import { randomUUID } from 'node:crypto'
import type { Engine } from '../engine.js'
import type { EngineParts, Judged } from '../engine-parts.js'
import type { Work } from '../engine-work.js'
import type { EventClock } from '../event-clock.js'
import type { ClosedSession, SessionTracker } from '../session.js'
import type { JudgedCodec } from './judged-codec.js'
import { MAX_OTHERS, type RedisSessions } from './redis-sessions.js'
import type { Deliver } from './session-store.js'
import { judgeEnds, type SharedParts } from './shared-batch.js'

/** Loads of silent sessions in one tick: what is left then waits for the next. */
const MAX_ROUNDS = 20

export interface SharedEndsParts {
  readonly engine: Engine
  readonly tracker: { readonly now: () => number }
  /** Told how many ids are held. */
  readonly onSize: (numHeld: number) => void
}

/** Which sessions to close. */
interface Closing {
  /** Those not touched since then, by the wall clock. */
  readonly silentSinceMs: number
  readonly close: (tracker: SessionTracker, closed: ClosedSession[]) => void
}

/**
 * Closes shared sessions that no chunk closes, each by one replica: whoever's commit deletes it. The commit keeps the summaries in an outbox until
 * they are delivered; those of a replica that died in between are taken up by another.
 */
export class SharedEnds {
  #isBusy = false
  /** Summaries on their way to the outputs, by their names: ours as long as we say so. */
  readonly #leased = new Map<string, RedisSessions>()

  constructor(
    readonly codec: JudgedCodec,
    readonly sharedOf: (decide: (work: Work) => Promise<Judged>, parts: EngineParts) => SharedParts,
    readonly parts: SharedEndsParts,
  ) {}

  /**
   * Closes what has been silent for too long, and delivers what others closed and did not. While that goes on further calls keep what is being
   * delivered from being taken up by others.
   *
   * @throws StoreError
   */
  async tick(clock: EventClock, nowWallMs: number, deliver: Deliver): Promise<void> {
    if (this.#isBusy) return this.#renew()
    this.#isBusy = true
    try {
      await this.#retake(deliver)
      await this.#rounds(clock, deliver, tracker => ({
        silentSinceMs: nowWallMs - tracker.patienceMs,
        close: (loaded, closed) => loaded.closeSilent(nowWallMs, closed),
      }))
    } finally {
      this.#isBusy = false
    }
  }

  /** Closes all sessions, of all replicas. @throws StoreError */
  async closeAll(clock: EventClock, deliver: Deliver): Promise<void> {
    const close: Closing = {
      silentSinceMs: Number.MAX_SAFE_INTEGER,
      close: (tracker, closed) => tracker.closeAll('complete', closed),
    }
    while (await this.#round(clock, deliver, close));
  }

  async #rounds(
    clock: EventClock,
    deliver: Deliver,
    closing: (tracker: SessionTracker) => Closing,
  ): Promise<void> {
    const which = closing(this.parts.engine.tracker)
    for (let i = 0; i < MAX_ROUNDS && (await this.#round(clock, deliver, which)); i++);
  }

  /** @returns whether there may be more */
  async #round(clock: EventClock, deliver: Deliver, closing: Closing): Promise<boolean> {
    const { engine } = this.parts
    const ended = await engine.exclusively((decide, parts) =>
      this.#end(this.sharedOf(decide, parts), clock, closing),
    )
    if (ended === undefined) return false
    // Another replica was faster with some of them: the others are found again.
    const { isDone, numHeld } = await ended.commit()
    this.parts.onSize(numHeld)
    if (!isDone) return true
    for (const one of ended.closed) engine.parts.collect?.(one)
    await this.#deliver(ended.sessions, ended.name, ended.judged, deliver)
    return ended.mayBeMore
  }

  async #end(shared: SharedParts, clock: EventClock, { silentSinceMs, close }: Closing) {
    const { sessions } = shared
    const wallMs = this.parts.tracker.now()
    const loaded = await sessions.load({
      ids: [],
      chunks: [],
      logs: [],
      upToMs: Number.NEGATIVE_INFINITY,
      wallMs,
      silentSinceMs,
      maxSessions: Number.MAX_SAFE_INTEGER,
    })
    if (loaded.others.length === 0) return undefined
    const { judged, closed, changes } = await judgeEnds(shared, loaded, clock.copy(), close)
    // Stands in keys as it is, so that who takes it up knows it by the same name.
    const name = `ends-${randomUUID()}`
    const commit = sessions.prepare({
      changes,
      chunks: [{ name, value: this.codec.encode(judged) }],
      // Closing is no sign that lines come here: the clock of a replica without lines holds nobody back.
      clockMs: Number.NEGATIVE_INFINITY,
      wallMs,
      outbox: name,
    })
    return { sessions, judged, closed, name, commit, mayBeMore: loaded.others.length === MAX_OTHERS }
  }

  async #retake(deliver: Deliver): Promise<void> {
    const sessions = await this.parts.engine.exclusively(
      async (decide, parts) => this.sharedOf(decide, parts).sessions,
    )
    const taken = await sessions.retake(this.parts.tracker.now())
    for (const { name } of taken) this.#leased.set(name, sessions)
    try {
      for (const { name, value } of taken) await this.#deliver(sessions, name, this.#decoded(value), deliver)
    } finally {
      for (const { name } of taken) this.#leased.delete(name)
    }
  }

  async #renew(): Promise<void> {
    const wallMs = this.parts.tracker.now()
    await Promise.all([...this.#leased].map(([name, sessions]) => sessions.renew(name, wallMs)))
  }

  async #deliver(
    sessions: RedisSessions,
    name: string,
    { summaries }: Judged,
    deliver: Deliver,
  ): Promise<void> {
    this.#leased.set(name, sessions)
    try {
      const all = summaries.map(({ summary }) => summary)
      if (all.length > 0) await deliver(all, name)
      await sessions.settle(name)
    } finally {
      this.#leased.delete(name)
    }
  }

  #decoded(value: Buffer): Judged {
    try {
      return this.codec.decode(value)
    } catch (error) {
      if (error instanceof RangeError) return { verdicts: [], summaries: [] }
      throw error
    }
  }
}
