import { parentPort, workerData } from 'node:worker_threads'
import { type FitTask, fit } from './fit.js'
import type { TrainProgress } from './mle.js'

/** Sent while a task runs and, with the result or the error, at its end. */
export type FitMessage =
  | { readonly progress: TrainProgress }
  | { readonly result: Awaited<ReturnType<typeof fit>> }
  | { readonly error: string }

const port = parentPort!
const send = (message: FitMessage, moved: ArrayBuffer[] = []): void => port.postMessage(message, moved)

try {
  const result = await fit(workerData as FitTask, progress => send({ progress }))
  // Moved, not copied: a large model is not held twice.
  send({ result }, [result.parameters.buffer as ArrayBuffer])
} catch (error) {
  send({ error: error instanceof Error ? error.message : String(error) })
}
