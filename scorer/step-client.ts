import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ScoringError } from './errors.js'
import type { StepBatch } from './step-engine.js'
import type { StepReply, StepRequest, StepWorkerData } from './step-worker.js'

interface Pending {
  readonly resolve: (logProbabilities: Float32Array) => void
  readonly reject: (error: Error) => void
}

/** A thread that died is not started again sooner than this, in milliseconds. */
const RESTART_PAUSE_MS = 1000

/**
 * The step engine in a thread of its own: ONNX Runtime blocks the thread it runs on, and that must not be the one that reads the wire. A thread
 * that dies fails the batches it has and is replaced at the next batch; its cache is lost, so callers must send whole prefixes again.
 */
export class StepClient {
  readonly #data: StepWorkerData
  readonly #pending = new Map<number, Pending>()
  #worker: Worker
  #nextId = 1
  #diedAtMs: number | undefined
  #isReleased = false

  private constructor(data: StepWorkerData, worker: Worker) {
    this.#data = data
    this.#worker = worker
    this.#listen()
  }

  /** @throws ScoringError when the thread cannot load the model */
  static async start(data: StepWorkerData): Promise<StepClient> {
    const worker = spawn(data)
    const died = once(worker, 'exit').then(() => {
      throw new ScoringError('the scoring thread ended before it was ready')
    })
    died.catch(() => {})
    try {
      await Promise.race([once(worker, 'message'), died])
    } catch (cause) {
      throw cause instanceof ScoringError
        ? cause
        : new ScoringError(`the scoring thread failed to start: ${String(cause)}`, cause)
    }
    return new StepClient(data, worker)
  }

  /** Log-probabilities (B, T, V). Batches are run in the order of the calls. */
  async run(batch: StepBatch): Promise<Float32Array> {
    if (this.#isReleased) throw new ScoringError('the scorer was closed')
    if (this.#diedAtMs !== undefined) this.#restart(this.#diedAtMs)
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, ...batch } satisfies StepRequest)
    })
  }

  async release(): Promise<void> {
    this.#isReleased = true
    this.#worker.removeAllListeners('exit')
    await this.#worker.terminate()
    this.#failAll(new ScoringError('the scorer was closed'))
  }

  #listen(): void {
    const worker = this.#worker
    worker.on('message', (message: StepReply | 'ready') => {
      if (message !== 'ready') this.#settle(message)
    })
    worker.on('error', error => this.#die(worker, error))
    worker.on('exit', () => this.#die(worker, new Error('the scoring thread ended')))
  }

  #restart(diedAtMs: number): void {
    if (performance.now() - diedAtMs < RESTART_PAUSE_MS)
      throw new ScoringError('the scoring thread died and is about to be replaced')
    this.#diedAtMs = undefined
    this.#worker = spawn(this.#data)
    this.#listen()
  }

  #die(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker || this.#isReleased) return
    this.#diedAtMs ??= performance.now()
    this.#failAll(new ScoringError(cause instanceof Error ? cause.message : String(cause), cause))
  }

  #settle(reply: StepReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(new ScoringError(reply.error))
    else pending?.resolve(reply.logProbabilities)
  }

  #failAll(error: ScoringError): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}

function spawn(data: StepWorkerData): Worker {
  return new Worker(new URL('./step-worker.js', import.meta.url), { workerData: data, execArgv: [] })
}
