import { Worker } from 'node:worker_threads'
import type { CampaignResult, Finding } from './campaign.js'
import { MAX_INPUT_BYTES } from './target.js'
import { WatchedInput } from './watched-input.js'
import type { WorkerMessage, WorkerTask } from './worker.js'

/** Heap of a worker: an input that makes its reader need more is a finding. */
const MAX_HEAP_MIB = 256
/** Memory of all kinds beyond what there was before, likewise. */
const MAX_GROWTH_BYTES = 1024 * 2 ** 20
/** An input that runs longer is one that never ends. */
const MAX_INPUT_MS = 120_000
const LOOK_EVERY_MS = 25
/** Threads that a target may bring down before it is left. */
const MAX_THREADS = 20

export interface TargetReport {
  readonly name: string
  readonly inputs: number
  /** Ways in which inputs ended. */
  readonly ends: number
  readonly slowestMs: number
  readonly seconds: number
  readonly findings: readonly Finding[]
}

/** Runs a target in a thread of its own, and again with another seed when an input brought that thread down. */
export async function fuzzTarget(name: string, inputs: number, seed: number): Promise<TargetReport> {
  const started = performance.now()
  const findings = new Findings()
  let done: CampaignResult = { inputs: 0, ends: 0, slowestMs: 0 }
  for (let thread = 0; done.inputs < inputs && thread < MAX_THREADS; thread++) {
    const task = { name, inputs: inputs - done.inputs, seed: seed + 1000 * thread }
    const run = await runThread(task, findings)
    done = {
      inputs: done.inputs + run.inputs,
      ends: Math.max(done.ends, run.ends),
      slowestMs: Math.max(done.slowestMs, run.slowestMs),
    }
  }
  return { name, ...done, findings: findings.all, seconds: (performance.now() - started) / 1000 }
}

/** One of each kind. */
class Findings {
  readonly #byReason = new Map<string, Finding>()

  get all(): Finding[] {
    return [...this.#byReason.values()]
  }

  add(input: Uint8Array, reason: string): void {
    const kind = reason.replace(/\d+/g, '')
    if (!this.#byReason.has(kind)) this.#byReason.set(kind, { input: Buffer.from(input), reason })
  }
}

/** @returns what the thread did; until the input that brought it down, if one did */
function runThread(task: Omit<WorkerTask, 'memory'>, findings: Findings): Promise<CampaignResult> {
  const watched = new WatchedInput(MAX_INPUT_BYTES)
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { ...task, memory: watched.memory } satisfies WorkerTask,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  })
  return new Promise((resolve, reject) => {
    const watch = new Watch(watched, reason => fall(reason))
    const fall = (reason: string): void => {
      watch.stop()
      void worker.terminate()
      if (watched.count === 0) reject(new Error(`the target ${task.name} does not open: ${reason}`))
      else findings.add(watched.current, reason)
      resolve({ inputs: watched.count, ends: 0, slowestMs: 0 })
    }
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'finding') {
        findings.add(message.input, message.reason)
        return
      }
      watch.stop()
      worker.removeAllListeners()
      resolve(message.result)
    })
    worker.once('error', error => {
      worker.removeAllListeners()
      fall(`brought its thread down: ${error.name}: ${error.message}`)
    })
    worker.once('exit', code => fall(`brought its thread down, code ${code}`))
  })
}

/** Looks again and again at how long the input of a worker takes and what memory it needs. */
class Watch {
  readonly #baseBytes = process.memoryUsage.rss()
  readonly #timer: NodeJS.Timeout
  #count = 0
  #sinceMs = performance.now()

  constructor(
    readonly watched: WatchedInput,
    readonly onFall: (reason: string) => void,
  ) {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const { count } = this.watched
    if (count !== this.#count) {
      this.#count = count
      this.#sinceMs = performance.now()
    } else if (count > 0 && performance.now() - this.#sinceMs > MAX_INPUT_MS) {
      this.onFall(`did not end within ${MAX_INPUT_MS} ms`)
    }
    const grownBytes = process.memoryUsage.rss() - this.#baseBytes
    if (grownBytes > MAX_GROWTH_BYTES) this.onFall(`made memory grow by ${grownBytes >> 20} MiB`)
  }
}
