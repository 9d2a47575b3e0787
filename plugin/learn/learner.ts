import { LRUCache } from 'lru-cache'
import type { Engine } from '../engine.js'
import type { LineRules } from '../line-rules.js'
import { reloadModel } from '../reload.js'
import { type ClosedSession, isTrueEnd } from '../session.js'
import type { ResolvedStageOptions } from '../stage-options.js'
import { Drift } from './drift.js'
import { DEFAULT_LEARNER_OPTIONS, type LearnerOptions } from './options.js'
import { isReady } from './readiness.js'
import { ReplayBuffer, type ReplaySession } from './replay-buffer.js'
import { loadSessions, saveReplay } from './replay-file.js'
import type { Training, TrainJob } from './training.js'

export interface LearnerParts {
  /** Where sessions are kept over a restart; undefined: they are not. */
  readonly directory: string | undefined
  readonly train: (job: TrainJob) => Training
  /** Told when training begins, is done (with the model's id), or failed. */
  readonly onEvent: (event: 'training' | 'trained' | 'failed', detail: string) => void
}

/** The stage that learns. */
export interface Learning {
  readonly engine: Engine
  readonly rules: LineRules
  readonly options: ResolvedStageOptions
}

/** It is asked every so many sessions whether there is enough. */
const CHECK_EVERY = 50
/** What was collected is saved no more often than this, in milliseconds. */
const SAVE_EVERY_MS = 60_000
const HOUR_MS = 3_600_000
/** Sessions that are set aside as flagged, until somebody says that they are normal. */
const MAX_ASIDE = 1000

/**
 * Collects the sessions of the live stream, trains on them in the background, and has the new model take over. Without a model that is done as
 * soon as there is enough; with one, when the log has drifted or on a schedule, if that is wanted.
 */
export class Learner {
  readonly drift = new Drift()
  readonly buffer: ReplayBuffer
  readonly #options: Required<LearnerOptions>
  readonly #aside = new LRUCache<string, ReplaySession>({ max: MAX_ASIDE })
  #stage: Learning | undefined
  #training: Training | undefined
  /** Sessions closed since the last training began. */
  #numClosed = 0
  #trainedMs = Number.NaN
  #saving: Promise<void> = Promise.resolve()
  #savedMs = Number.NEGATIVE_INFINITY

  constructor(
    readonly parts: LearnerParts,
    options: LearnerOptions = {},
  ) {
    this.#options = { ...DEFAULT_LEARNER_OPTIONS, ...options }
    this.buffer = new ReplayBuffer(this.#options.bufferBytes)
  }

  /** Goes on with what was collected before a restart. */
  async load(): Promise<void> {
    if (this.parts.directory !== undefined) await loadSessions(this.parts.directory, this.buffer)
  }

  /** The stage whose sessions come to `collect`, and whose model is replaced. */
  attach(stage: Learning): void {
    this.#stage = stage
  }

  /** Whether a model is being trained. */
  get isTraining(): boolean {
    return this.#training !== undefined
  }

  collect(closed: ClosedSession): void {
    const { session, reason } = closed
    if (this.#stage?.engine.parts.model !== undefined) this.drift.add(session)
    const replay = replayOf(closed)
    if (replay === undefined || reason === 'open' || reason === 'evicted') return
    if (session.findings.numAnomalies > 0) this.#aside.set(session.id, replay)
    else this.buffer.add(replay)
    if (++this.#numClosed % CHECK_EVERY === 0) this.#check()
  }

  /** Has a flagged session learnt all the same. */
  mark(id: string): void {
    const session = this.#aside.get(id)
    if (session === undefined) return
    this.#aside.delete(id)
    this.buffer.add(session)
  }

  /** Stops training and saves what was collected. */
  async stop(): Promise<void> {
    this.#training?.stop()
    this.#training = undefined
    this.#save()
    await this.#saving
  }

  #check(): void {
    const stage = this.#stage
    if (stage === undefined) return
    const nowMs = stage.options.now()
    if (nowMs - this.#savedMs >= SAVE_EVERY_MS) {
      this.#savedMs = nowMs
      this.#save()
    }
    if (this.#training === undefined && this.#isDue(stage.engine)) void this.#train(stage)
  }

  #isDue(engine: Engine): boolean {
    const { onDrift, everyHours } = this.#options
    if (engine.parts.model === undefined) return isReady(this.buffer.sessions(), this.#options)
    // What drifted is learnt from the sessions since: as many as a first model takes.
    if (this.#numClosed < this.#options.sessions) return false
    const { nowMs } = engine.tracker
    if (!(this.#trainedMs <= nowMs)) this.#trainedMs = nowMs
    const isOld = everyHours !== undefined && nowMs - this.#trainedMs >= everyHours * HOUR_MS
    return isOld || (onDrift && this.drift.isDrifting)
  }

  async #train({ engine, rules, options }: Learning): Promise<void> {
    const { onEvent, train } = this.parts
    const { seed, epochs } = this.#options
    this.#numClosed = 0
    this.#trainedMs = engine.tracker.nowMs
    onEvent('training', `on ${this.buffer.size} sessions`)
    const { drain, reader } = engine.parts
    const training = train({
      sessions: this.buffer.sessions(),
      drain: drain.toSnapshot(),
      rules: { ...rules, format: reader.formatName },
      path: options.model,
      seed,
      ...(epochs !== undefined && { epochs }),
    })
    this.#training = training
    try {
      await training.done
      if (this.#training !== training) return
      const id = await reloadModel(engine, options, true)
      this.drift.reset()
      onEvent('trained', id)
    } catch (error) {
      if (this.#training === training)
        onEvent('failed', error instanceof Error ? error.message : String(error))
    } finally {
      if (this.#training === training) this.#training = undefined
    }
  }

  #save(): void {
    const { directory, onEvent } = this.parts
    const stage = this.#stage
    if (directory === undefined || stage === undefined) return
    this.#saving = this.#saving
      .then(() => saveReplay(directory, this.buffer, stage.engine.parts.drain))
      .catch((error: Error) => onEvent('failed', `cannot save sessions to ${directory}: ${error.message}`))
  }
}

/** Undefined where not all of its lines are known: too many, or not kept. */
function replayOf({ session, reason }: ClosedSession): ReplaySession | undefined {
  const { id, history, numEvents } = session
  if (history === undefined || history.length !== numEvents) return undefined
  const ended = isTrueEnd(reason)
  return { id, keys: history, ended, isWhole: ended || reason === 'window' }
}
