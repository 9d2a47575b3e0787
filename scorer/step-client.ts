import { SHARE_ENV, Worker } from 'node:worker_threads'
import { ProviderError, ScoringError } from './errors.js'
import type { StepBatch, StepEngineData } from './step-engine.js'
import { STOP, type StepReply, type StepRequest, type StepStart } from './step-message.js'

interface Pending {
  readonly resolve: (logProbabilities: Float32Array) => void
  readonly reject: (error: Error) => void
}

/** What the client stands on; arguments for tests. */
export interface StepClientOptions {
  /** Starts a thread of step-worker.ts. */
  readonly spawn?: () => Worker
  /** Time in milliseconds. */
  readonly now?: () => number
}

/** How long a thread may take for the batch it is at before it is ended by force, in milliseconds. */
const STOP_PATIENCE_MS = 30_000

/** A thread that died is not started again sooner than this, in milliseconds. */
export const RESTART_PAUSE_MS = 1000

/**
 * The step engine in a thread of its own: ONNX Runtime blocks the thread it runs on, and that must not be the one that reads the wire.
 *
 * A thread that dies is replaced at the next batch. Its cache is lost, so whoever builds on it must hear of that once: the batches it had fail,
 * or, if it had none, the next one. After that callers send whole prefixes again.
 */
export class StepClient {
  readonly #data: StepEngineData
  readonly #spawn: () => Worker
  readonly #now: () => number
  readonly #pending = new Map<number, Pending>()
  #worker: Worker
  #nextId = 1
  #diedAtMs: number | undefined
  #isLossUntold = false
  #isReleased = false

  private constructor(data: StepEngineData, { spawn = spawnWorker, now }: StepClientOptions) {
    this.#data = data
    this.#spawn = spawn
    this.#now = now ?? (() => performance.now())
    this.#worker = this.#startThread()
  }

  /** @throws ProviderError when the runtime or its provider cannot be loaded, ScoringError when the thread cannot load the model */
  static async start(data: StepEngineData, options: StepClientOptions = {}): Promise<StepClient> {
    const client = new StepClient(data, options)
    const started = await firstWord(client.#worker)
    if (started.isReady) return client
    await client.release()
    throw started.providerReason === undefined
      ? new ScoringError(`the scoring thread failed to start: ${started.message}`)
      : new ProviderError(started.message, started.providerReason)
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
    this.#failAll(new ScoringError('the scorer was closed'))
    await endThread(this.#worker)
  }

  #startThread(): Worker {
    const worker = this.#spawn()
    worker.on('message', (message: StepReply | StepStart) => {
      if ('id' in message) this.#settle(message)
    })
    worker.on('error', error => this.#die(worker, error))
    worker.on('exit', () => this.#die(worker, new Error('the scoring thread ended')))
    worker.postMessage(this.#data)
    return worker
  }

  #restart(diedAtMs: number): void {
    if (this.#now() - diedAtMs < RESTART_PAUSE_MS)
      throw new ScoringError('the scoring thread died and is about to be replaced')
    this.#diedAtMs = undefined
    this.#worker = this.#startThread()
    if (!this.#isLossUntold) return
    this.#isLossUntold = false
    throw new ScoringError('the scoring thread died and was replaced')
  }

  #die(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker || this.#isReleased || this.#diedAtMs !== undefined) return
    this.#diedAtMs = this.#now()
    this.#isLossUntold = this.#pending.size === 0
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

function spawnWorker(): Worker {
  return new Worker(new URL('./step-worker.js', import.meta.url), { execArgv: [], env: SHARE_ENV })
}

/** Lets a thread finish the batch it is at, as the runtime aborts the process when its thread is ended in the middle of a run. */
async function endThread(worker: Worker): Promise<void> {
  if (worker.threadId < 0) return
  const ended = new Promise(resolve => worker.once('exit', resolve))
  worker.postMessage(STOP)
  const patience = setTimeout(() => void worker.terminate(), STOP_PATIENCE_MS)
  await ended
  clearTimeout(patience)
}

/** Whether the thread is ready, or why not; a thread that ends without a word counts as not ready. */
function firstWord(worker: Worker): Promise<StepStart> {
  const failed = (message: string): StepStart => ({ isReady: false, message })
  return new Promise(resolve => {
    worker.once('message', (start: StepStart) => resolve(start))
    worker.once('error', (error: Error) => resolve(failed(error.message)))
    worker.once('exit', () => resolve(failed('it ended before it was ready')))
  })
}
