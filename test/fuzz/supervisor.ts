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
const MAX_INPUT_MS = 30_000
const LOOK_EVERY_MS = 25
/** Findings of a target after which it is left. */
const MAX_FINDINGS = 20

export interface TargetReport {
  readonly name: string
  readonly inputs: number
  readonly ends: number
  readonly slowestMs: number
  readonly seconds: number
  readonly findings: readonly Finding[]
}

/** Runs a target in a thread of its own, and again with another seed when an input brought that thread down. */
export async function fuzzTarget(name: string, inputs: number, seed: number): Promise<TargetReport> {
  const started = performance.now()
  const findings: Finding[] = []
  let done = 0
  let ends = 0
  let slowestMs = 0
  for (let round = 0; done < inputs && findings.length < MAX_FINDINGS; round++) {
    const run = await runWorker({ name, inputs: inputs - done, seed: seed + 1000 * round }, findings)
    done += run.inputs
    ends = Math.max(ends, run.ends)
    slowestMs = Math.max(slowestMs, run.slowestMs)
  }
  return { name, inputs: done, ends, slowestMs, findings, seconds: (performance.now() - started) / 1000 }
}

/** @returns what the worker did; until the input that ended it, if one did */
function runWorker(task: Omit<WorkerTask, 'memory'>, findings: Finding[]): Promise<CampaignResult> {
  const watched = new WatchedInput(MAX_INPUT_BYTES)
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { ...task, memory: watched.memory } satisfies WorkerTask,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  })
  return new Promise((resolve, reject) => {
    const watch = new Watch(watched, reason => end(reason))
    let isOver = false
    const finish = (): boolean => {
      const isFirst = !isOver
      isOver = true
      watch.stop()
      return isFirst
    }
    const end = (reason: string): void => {
      if (!finish()) return
      void worker.terminate()
      if (watched.count === 0) reject(new Error(`the target ${task.name} does not open: ${reason}`))
      findings.push({ input: watched.current, reason })
      resolve({ inputs: watched.count, ends: 0, slowestMs: 0 })
    }
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'done') {
        if (finish()) resolve(message.result)
      } else if (
        findings.push({ input: Buffer.from(message.input), reason: message.reason }) >= MAX_FINDINGS
      ) {
        end('too many findings')
      }
    })
    worker.on('error', error => end(`ended its thread: ${error.name}: ${error.message}`))
    worker.on('exit', code => end(`ended its thread with code ${code}`))
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
    readonly onEnd: (reason: string) => void,
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
      this.onEnd(`did not end within ${MAX_INPUT_MS} ms`)
    }
    const grownBytes = process.memoryUsage.rss() - this.#baseBytes
    if (grownBytes > MAX_GROWTH_BYTES) this.onEnd(`made memory grow by ${grownBytes >> 20} MiB`)
  }
}
