import { readBundle, readBundleId } from '../scorer/bundle.js'
import type { GptNeoConfig } from '../scorer/model/config.js'
import { Scorer } from '../scorer/scorer.js'
import { Batcher, type BatchObserver, type MayOthersCome } from './batcher.js'
import type { ResolvedSidecarServerOptions } from './options.js'

/** A model that answers. */
export interface HostedModel {
  /** Id of its bundle. */
  readonly id: string
  readonly config: GptNeoConfig
  readonly batcher: Batcher
}

export interface HostEvents extends BatchObserver {
  readonly mayOthersCome: MayOthersCome
  /** Told of each model that takes over. */
  onChange(model: HostedModel): void
}

/** How often the bundle on disk may be looked at because a client asks for another, in milliseconds. */
const LOOK_PAUSE_MS = 1000

/** The model of a sidecar: loads it, and lets the one that lies in its place take over while requests under way finish on the one before. */
export class ModelHost {
  #current: HostedModel
  #reloading: Promise<HostedModel> | undefined
  #lookedAtMs = Number.NEGATIVE_INFINITY
  readonly #retiring = new Set<Promise<void>>()

  private constructor(
    model: HostedModel,
    readonly options: ResolvedSidecarServerOptions,
    readonly events: HostEvents,
  ) {
    this.#current = model
  }

  /** @throws BundleError, ProviderError or ScoringError */
  static async load(options: ResolvedSidecarServerOptions, events: HostEvents): Promise<ModelHost> {
    return new ModelHost(await loadModel(options, events), options, events)
  }

  get current(): HostedModel {
    return this.#current
  }

  /** Reads the bundle again and lets it take over, also where it is the same. @throws BundleError, and the model before stays */
  reload(): Promise<HostedModel> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  /** The model of a bundle, if that is the current one or lies on disk in its place; else the current one. Never rejects. */
  async find(id: string | undefined): Promise<HostedModel> {
    if (id === undefined || id === this.#current.id) return this.#current
    try {
      if (this.#reloading !== undefined) await this.#reloading
      else if (await this.#isOnDisk(id)) await this.reload()
    } catch (error) {
      this.options.warn(
        `a client has the model ${id}, which could not be loaded; ${this.#current.id} stays: ${messageOf(error)}`,
      )
    }
    return this.#current
  }

  /** Resolves when all that was submitted is answered and the models are closed. */
  async close(): Promise<void> {
    await this.#reloading?.catch(() => {})
    await Promise.all([...this.#retiring, retire(this.#current)])
  }

  async #reload(): Promise<HostedModel> {
    const fresh = await loadModel(this.options, this.events)
    const retiring = retire(this.#current)
    this.#retiring.add(retiring)
    void retiring.finally(() => this.#retiring.delete(retiring))
    this.#current = fresh
    this.events.onChange(fresh)
    return fresh
  }

  async #isOnDisk(id: string): Promise<boolean> {
    const nowMs = this.options.now()
    if (nowMs - this.#lookedAtMs < LOOK_PAUSE_MS) return false
    this.#lookedAtMs = nowMs
    return (await readBundleId(this.options.model)) === id
  }
}

async function loadModel(options: ResolvedSidecarServerOptions, events: HostEvents): Promise<HostedModel> {
  const bundle = await readBundle(options.model)
  const scorer = await Scorer.start(bundle, options.scorer)
  return {
    id: bundle.id,
    config: bundle.config,
    batcher: new Batcher(scorer, options, events, events.mayOthersCome),
  }
}

async function retire({ batcher }: HostedModel): Promise<void> {
  await batcher.drained()
  await batcher.scorer.close()
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
