import { parentPort, workerData } from 'node:worker_threads'
import type { GptNeoConfig } from './model/config.js'
import { type StepBatch, StepEngine } from './step-engine.js'

/** What the worker is started with. */
export interface StepWorkerData {
  readonly config: GptNeoConfig
  readonly graph: Uint8Array
  readonly parameters: Float32Array
  readonly numRows: number
}

export type StepRequest = { readonly id: number } & StepBatch
export type StepReply = { readonly id: number } & (
  | { readonly logProbabilities: Float32Array }
  | { readonly error: string }
)

const { config, graph, parameters, numRows } = workerData as StepWorkerData
const port = parentPort!
const engine = await StepEngine.create(config, graph, parameters, numRows)
port.postMessage('ready')

// One batch at a time and in order: a later batch may build on cache rows that an earlier one writes.
let turn: Promise<void> = Promise.resolve()
port.on('message', (request: StepRequest) => {
  turn = turn.then(() => serve(request))
})

async function serve({ id, ...batch }: StepRequest): Promise<void> {
  try {
    const logProbabilities = await engine.run(batch)
    port.postMessage({ id, logProbabilities } satisfies StepReply, [logProbabilities.buffer as ArrayBuffer])
  } catch (error) {
    port.postMessage({
      id,
      error: error instanceof Error ? error.message : String(error),
    } satisfies StepReply)
  }
}
