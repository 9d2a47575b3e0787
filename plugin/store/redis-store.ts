import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Counters } from '../chunk.js'
import type { Engine } from '../engine.js'
import type {
  ChunkIdentity,
  ChunkJudged,
  EngineModel,
  EngineParts,
  Judged,
  LineInput,
} from '../engine-parts.js'
import type { Work } from '../engine-work.js'
import { EventClock } from '../event-clock.js'
import { makeTracker, type TrackerParts } from '../make-tracker.js'
import { readNeed, splitJudged, takeBatch, type WaitingChunk } from './batch.js'
import { StoreError } from './errors.js'
import { JudgedCodec } from './judged-codec.js'
import { KnownChunks } from './known-chunks.js'
import { LocalSubstitute } from './local-substitute.js'
import { Reach } from './reach.js'
import type { RedisClient } from './redis-client.js'
import { RedisKeys } from './redis-keys.js'
import type { ResolvedRedisStoreOptions } from './redis-options.js'
import { type Loaded, type Outcome, RedisSessions } from './redis-sessions.js'
import type { Deliver, SessionStore } from './session-store.js'
import { judgeLines, requestFor, type SharedJudged, type SharedParts } from './shared-batch.js'
import { SharedEnds } from './shared-ends.js'

/** Longest wait after a conflict, in milliseconds. */
const MAX_CONFLICT_PAUSE_MS = 100

export interface RedisStoreParts {
  readonly engine: Engine
  readonly client: RedisClient
  readonly options: ResolvedRedisStoreOptions
  /** For trackers of loaded sessions. */
  readonly tracker: TrackerParts
  readonly counters: Counters
  /** Takes one-line messages for the person who runs this. */
  readonly warn: (message: string) => void
}

/** A batch that was judged, and how to write it. */
interface Prepared {
  readonly shared: SharedJudged
  readonly results: readonly Judged[]
  readonly clock: EventClock
  readonly commit: () => Promise<Outcome>
}

/**
 * Sessions in Redis, shared by all replicas that run the same model. Chunks are judged one batch after the other: what waits is taken together, its
 * sessions are loaded in one round trip, judged in this process, and written in another one if no other replica changed them meanwhile; else the
 * batch is judged again. A chunk's verdicts are written along with its sessions, so a chunk that is sent again, to whatever replica, is answered
 * from there.
 */
export class RedisStore implements SessionStore {
  readonly #codec = new JudgedCodec()
  readonly #reach: Reach
  readonly #replica = randomUUID()
  readonly #substitute: LocalSubstitute
  readonly #known: KnownChunks
  readonly #ends: SharedEnds
  #waiting: WaitingChunk[] = []
  #isWorking = false
  #clock = new EventClock()
  #numHeld = 0
  /** Of the model at work. */
  #sessions: { readonly model: EngineModel; readonly shared: RedisSessions } | undefined

  constructor(readonly parts: RedisStoreParts) {
    const { options, counters, warn } = parts
    this.#substitute = new LocalSubstitute(parts.engine, parts.tracker.maxSessions, counters)
    this.#known = new KnownChunks(this.#codec, counters)
    this.#reach = new Reach({
      ...options,
      onFailure: () => counters.increment('store_failures_total'),
      onChange: away => warn(away === undefined ? 'Redis is back' : awayMessage(away, options)),
    })
    this.#ends = new SharedEnds(this.#codec, (decide, engineParts) => this.#shared(decide, engineParts), {
      ...parts,
      onSize: numHeld => {
        this.#numHeld = numHeld
      },
    })
  }

  get size(): number {
    return this.#numHeld + this.parts.engine.tracker.size
  }

  get isReady(): boolean {
    return this.parts.options.whenAway === 'local' || this.parts.client.isReady
  }

  judge(lines: readonly LineInput[], chunk?: ChunkIdentity): Promise<ChunkJudged> {
    const { engine } = this.parts
    // Sessions to learn from stay where they are learnt from.
    if (lines.length === 0 || engine.parts.model === undefined) return engine.judge(lines)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, identity: chunk, resolve, reject })
      if (!this.#isWorking) void this.#work()
    })
  }

  delivered({ name, log }: ChunkIdentity): void {
    // Pieces of a log may come again cut otherwise, partly delivered and partly not.
    if (log !== undefined) return
    this.#sessions?.shared.forgetVerdicts(name).catch(() => this.#countFailure())
  }

  async finish(reason: 'complete' | 'open', deliver: Deliver): Promise<void> {
    await this.#substitute.finish(reason, deliver)
    if (reason === 'complete' && this.parts.engine.parts.model !== undefined)
      await this.#reach.try(() => this.#ends.closeAll(this.#clock, deliver))
    await this.#sessions?.shared.leave().catch(() => this.#countFailure())
  }

  async tick(nowWallMs: number, deliver: Deliver): Promise<void> {
    await this.#substitute.tick(nowWallMs, deliver)
    if (this.parts.engine.parts.model === undefined || !this.parts.client.isReady) return
    try {
      await this.#ends.tick(this.#clock, nowWallMs, deliver)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#countFailure()
    }
  }

  async release(): Promise<void> {
    // Whoever goes on with it finds the sessions where they are.
  }

  interrupt(): void {
    this.#reach.interrupt()
  }

  async close(): Promise<void> {
    this.interrupt()
    this.parts.client.close()
    await this.parts.engine.close()
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    // Chunks that come in the same turn are taken together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = takeBatch(this.#waiting, this.parts.options.maxBatchLines)
      await this.#judgeBatch(batch).catch(error => {
        for (const { reject } of batch) reject(error)
      })
    }
    this.#isWorking = false
  }

  async #judgeBatch(batch: readonly WaitingChunk[]): Promise<void> {
    const { engine, counters, options } = this.parts
    let left = batch
    for (let conflicts = 0; conflicts < options.maxConflicts; conflicts++) {
      const known = await this.#reach.try(() => engine.exclusively(this.#preparing(left)))
      if (known === undefined) return this.#substitute.judge(left)
      left = known.left
      if (known.prepared === undefined) return
      const { prepared } = known
      const outcome = await this.#reach.try(prepared.commit)
      if (outcome?.isDone !== false) return this.#conclude(left, prepared, outcome)
      counters.increment('store_conflicts_total')
      await pause(Math.random() * Math.min(MAX_CONFLICT_PAUSE_MS, 2 ** conflicts))
    }
    throw new StoreError(
      `other replicas changed the same sessions ${options.maxConflicts} times in a row: send a session to one replica, or lower store.max_batch_lines`,
    )
  }

  /** Loads and judges, and answers what was judged before. */
  #preparing(batch: readonly WaitingChunk[]) {
    return async (decide: (work: Work) => Promise<Judged>, engineParts: EngineParts) => {
      const shared = this.#shared(decide, engineParts)
      const need = readNeed(batch, engineParts.reader, this.#clock.copy())
      const identities = batch.flatMap(({ identity }) => identity ?? [])
      const wall = { wallMs: this.parts.tracker.now(), maxSessions: shared.maxSessions }
      const loaded = await shared.sessions.load(requestFor(need, identities, this.#clock, wall))
      this.#numHeld = loaded.numHeld
      const left = this.#known.answer(batch, loaded)
      if (left.length === 0) return { left }
      const fresh = left.every((chunk, i) => chunk.lines === batch[i]!.lines)
        ? need
        : readNeed(left, engineParts.reader, this.#clock.copy())
      return { left, prepared: await this.#prepare(shared, loaded, left, fresh) }
    }
  }

  async #prepare(
    parts: SharedParts,
    loaded: Loaded,
    batch: readonly WaitingChunk[],
    need: ReturnType<typeof readNeed>,
  ): Promise<Prepared> {
    const clock = this.#clock.copy()
    const shared = await judgeLines(parts, loaded, need, clock)
    const results = splitJudged(
      shared.judged,
      batch.map(({ lines }) => lines.length),
    )
    const commit = parts.sessions.prepare({
      changes: shared.changes,
      chunks: batch.flatMap(({ identity }, i) =>
        identity === undefined
          ? []
          : { ...identity, value: this.#codec.encode(results[i]!, identity.log?.positions) },
      ),
      clockMs: clock.now,
      wallMs: this.parts.tracker.now(),
    })
    return { shared, results, clock, commit }
  }

  /** @param outcome undefined where it could not be written: the store is away, and the user wants to go on without */
  async #conclude(
    batch: readonly WaitingChunk[],
    { shared, results, clock }: Prepared,
    outcome: Outcome | undefined,
  ): Promise<void> {
    this.#clock = clock
    this.#numHeld = outcome?.numHeld ?? this.#numHeld
    if (this.parts.options.whenAway === 'local') this.#substitute.keep(shared)
    const { collect } = this.parts.engine.parts
    for (const one of shared.closed) collect?.(one)
    if (outcome !== undefined) await this.#substitute.retire()
    batch.forEach(({ resolve }, i) => {
      resolve(outcome !== undefined ? results[i]! : this.#substitute.mark(results[i]!))
    })
  }

  #shared(decide: (work: Work) => Promise<Judged>, { model }: EngineParts): SharedParts {
    const { tracker } = this.parts
    const isWindow = tracker.rules.session.kind === 'window'
    return {
      sessions: this.#sessionsOf(model!),
      decide,
      maxSessions: tracker.maxSessions,
      makeTracker: (room, expected, clock) =>
        makeTracker({ ...tracker, maxSessions: isWindow ? room : Math.min(room, expected) }, clock),
    }
  }

  #sessionsOf(model: EngineModel): RedisSessions {
    if (this.#sessions?.model !== model) {
      const { engine, client, options, counters } = this.parts
      const { scorer, examiner } = model
      const keys = new RedisKeys(options.prefix, examiner.parts.bundleId)
      const { vocabularySize, contextLength } = scorer.config
      const fit = { begin: () => engine.begin(), vocabularySize, contextLength }
      this.#sessions = {
        model,
        shared: new RedisSessions(client, keys, fit, this.#replica, options, counters),
      }
    }
    return this.#sessions.shared
  }

  #countFailure(): void {
    this.parts.counters.increment('store_failures_total')
  }
}

function awayMessage(error: StoreError, { whenAway }: ResolvedRedisStoreOptions): string {
  const then =
    whenAway === 'local'
      ? 'lines are judged by sessions of this process alone'
      : 'chunks wait until it is back'
  return `${error.message}: ${then}`
}
