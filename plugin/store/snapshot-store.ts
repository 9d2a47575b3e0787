import { readFile } from 'node:fs/promises'
import type { Engine } from '../engine.js'
import type { EngineModel } from '../engine-parts.js'
import { replaceFile } from '../replace-file.js'
import { LocalStore } from './local-store.js'
import { decodeSnapshot, encodeSnapshot } from './session-snapshot.js'
import type { Deliver } from './session-store.js'

export interface SnapshotOptions {
  /** File of the snapshot. */
  readonly path: string
  /** How often it is written, in milliseconds. Default 10,000. */
  readonly everyMs?: number
}

export const DEFAULT_SNAPSHOT_OPTIONS = { everyMs: 10_000 } as const

/**
 * Sessions in this process that outlive it: written every so often and when it stops, and taken up again when it starts. Stopping therefore ends
 * no session. After a crash those go on from the last snapshot.
 */
export class SnapshotStore extends LocalStore {
  readonly #everyMs: number
  #nextMs: number
  #isWriting = false
  #isFailing = false

  private constructor(
    engine: Engine,
    readonly options: SnapshotOptions,
    nowMs: number,
    readonly warn: (message: string) => void,
  ) {
    super(engine)
    this.#everyMs = options.everyMs ?? DEFAULT_SNAPSHOT_OPTIONS.everyMs
    this.#nextMs = nowMs + this.#everyMs
  }

  /** Takes up what the last process left, where it can be used; else says why not. */
  static async open(
    engine: Engine,
    options: SnapshotOptions,
    nowMs: number,
    warn: (message: string) => void,
  ): Promise<SnapshotStore> {
    const store = new SnapshotStore(engine, options, nowMs, warn)
    await store.#restore()
    return store
  }

  override async tick(nowWallMs: number, deliver: Deliver): Promise<void> {
    await super.tick(nowWallMs, deliver)
    if (nowWallMs < this.#nextMs || this.#isWriting) return
    this.#nextMs = nowWallMs + this.#everyMs
    await this.#write()
  }

  override async finish(reason: 'complete' | 'open', deliver: Deliver): Promise<void> {
    // What cannot be written is told while it still can be.
    if (reason === 'open' && (await this.#write())) return
    await super.finish(reason, deliver)
    if (reason === 'complete') await this.#write()
  }

  /** @returns whether it was written; without a model there is nothing that could be read again */
  async #write(): Promise<boolean> {
    this.#isWriting = true
    try {
      const bytes = await this.engine.exclusively(async (_, { model }) =>
        model === undefined ? undefined : encodeSnapshot(this.engine.tracker, bundleOf(model)),
      )
      if (bytes === undefined) return false
      await replaceFile(this.options.path, bytes)
      this.#isFailing = false
      return true
    } catch (error) {
      if (!this.#isFailing) this.warn(`sessions cannot be written to ${this.options.path}: ${textOf(error)}`)
      this.#isFailing = true
      return false
    } finally {
      this.#isWriting = false
    }
  }

  async #restore(): Promise<void> {
    const { engine } = this
    const { model } = engine.parts
    if (model === undefined) return
    try {
      const bytes = await readFile(this.options.path)
      const { vocabularySize, contextLength } = model.scorer.config
      const fit = { begin: () => engine.begin(), vocabularySize, contextLength }
      const { clockMs, sessions } = decodeSnapshot(bytes, bundleOf(model), fit)
      engine.tracker.clock.advance(clockMs)
      for (const one of sessions) engine.tracker.restore(one)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      this.warn(`the sessions in ${this.options.path} are not taken up: ${textOf(error)}`)
    }
  }
}

const bundleOf = (model: EngineModel): string => model.examiner.parts.bundleId

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
