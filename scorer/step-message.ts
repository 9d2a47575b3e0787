import type { StepBatch } from './step-engine.js'

/** Sent to the scoring thread to end it after the batch it is at. */
export const STOP = 'stop'

export type StepRequest = { readonly id: number } & StepBatch
export type StepReply = { readonly id: number } & (
  | { readonly logProbabilities: Float32Array }
  | { readonly error: string }
)

/** What became of the engine. Errors lose their class on the way out of a thread; those of a provider are told by its reason. */
export type StepStart =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly message: string; readonly providerReason?: string }
