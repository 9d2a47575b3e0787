import type { DrainSnapshot } from '../../drain/snapshot.js'
import type { LineRules } from '../line-rules.js'
import type { ReplaySession } from './replay-buffer.js'

/** What a model is trained on, and where it goes. */
export interface TrainJob {
  readonly sessions: readonly ReplaySession[]
  readonly drain: DrainSnapshot
  readonly rules: LineRules
  /** Directory of the bundle; what is there is replaced once the new one is complete. */
  readonly path: string
  readonly seed: number
  /** Passes over the sessions; missing: as by default. */
  readonly epochs?: number
}

/** A training under way. */
export interface Training {
  /** The id of the bundle. Rejects when training failed. */
  readonly done: Promise<string>
  stop(): void
}
