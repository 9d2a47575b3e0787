import { parentPort, workerData } from 'node:worker_threads'
import { type CampaignResult, runCampaign } from './campaign.js'
import { MAX_INPUT_BYTES } from './target.js'
import { findTarget } from './targets.js'
import { WatchedInput } from './watched-input.js'

/** What a worker is given. */
export interface WorkerTask {
  readonly name: string
  readonly inputs: number
  readonly seed: number
  readonly memory: SharedArrayBuffer
}

/** What a worker says. */
export type WorkerMessage =
  | { readonly kind: 'finding'; readonly input: Uint8Array; readonly reason: string }
  | { readonly kind: 'done'; readonly result: CampaignResult }

const { name, inputs, seed, memory } = workerData as WorkerTask
const watched = new WatchedInput(MAX_INPUT_BYTES, memory)
const say = (message: WorkerMessage): void => parentPort!.postMessage(message)

const target = await findTarget(name)!.open()
const result = await runCampaign(target, {
  inputs,
  seed,
  onInput: input => watched.begin(input),
  onFinding: ({ input, reason }) => say({ kind: 'finding', input, reason }),
})
target.close?.()
say({ kind: 'done', result })
