import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ScoringError } from './errors.js'
import type { StepBatch } from './step-engine.js'
import type { StepReply, StepRequest, StepWorkerData } from './step-worker.js'

interface Pending {
  readonly resolve: (logProbabilities: Float32Array) => void
  readonly reject: (error: Error) => void
}

/** The step engine in a thread of its own: ONNX Runtime blocks the thread it runs on, and that must not be the one that reads the wire. */
export class StepClient {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #failure: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: StepReply) => this.#settle(reply))
    worker.on('error', error => this.#fail(error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', () => this.#fail(new Error('the scoring thread ended')))
  }

  static async start(data: StepWorkerData): Promise<StepClient> {
    const worker = new Worker(new URL('./step-worker.js', import.meta.url), {
      workerData: data,
      execArgv: [],
    })
    await once(worker, 'message')
    return new StepClient(worker)
  }

  /** Log-probabilities (B, T, V). Batches are run in the order of the calls. */
  run(batch: StepBatch): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      const id = this.#nextId++
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, ...batch } satisfies StepRequest)
    })
  }

  async release(): Promise<void> {
    this.#worker.removeAllListeners('exit')
    await this.#worker.terminate()
    this.#fail(new Error('the scorer was closed'))
  }

  #settle(reply: StepReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(new ScoringError(reply.error))
    else pending?.resolve(reply.logProbabilities)
  }

  #fail(cause: Error): void {
    this.#failure = new ScoringError(cause.message, cause)
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }
}
