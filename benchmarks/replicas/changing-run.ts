import { setTimeout as sleep } from 'node:timers/promises'
import type { Site } from './backlog-run.js'
import { type Change, FIRST_REPLICAS, makeChanges } from './changes.js'
import type { Cluster } from './cluster.js'
import { Progress } from './progress.js'
import { Replica } from './replica.js'
import { Verdicts } from './verdicts.js'
import type { Workload } from './workload.js'

export interface ChangingRun {
  readonly numRecords: number
  readonly changes: readonly Change[]
  readonly verdicts: Verdicts
}

/** Replicas that come, stop and are killed while records flow at a steady rate; ends when all changes are overcome and all records done with. */
export async function runWithChanges(
  { cluster, folder, settings }: Site,
  workload: Workload,
  { from, to, rate }: { readonly from: string; readonly to: string; readonly rate: number },
): Promise<ChangingRun> {
  const group = `group-${to}`
  const progress = new Progress(cluster, group, from)
  let numStarted = 0
  const start = (): Promise<Replica> =>
    Replica.start(folder, `${to}-${numStarted++}`, { ...settings, from, to, group })
  const feed = new Feed(cluster, workload, from, rate)
  const replicas = await Promise.all(Array.from({ length: FIRST_REPLICAS }, start))
  try {
    await progress.reaches(rate)
    const changes = await makeChanges(progress, replicas, start)
    const numRecords = await feed.stop()
    await progress.reaches(numRecords)
    await Promise.all(replicas.map(replica => replica.end('SIGTERM')))
    await cluster.seal(to)
    return { numRecords, changes, verdicts: await Verdicts.read(cluster, to) }
  } finally {
    await feed.stop().catch(() => {})
    await progress.stop()
    await Promise.all(replicas.map(replica => replica.end('SIGKILL')))
  }
}

const BATCHES_A_SECOND = 10

/** Sends the workload's records in order at a steady rate until it is stopped. */
class Feed {
  #isStopped = false
  #numSent = 0
  readonly #sending: Promise<void>

  constructor(cluster: Cluster, workload: Workload, topic: string, rate: number) {
    this.#sending = this.#send(cluster, workload, topic, rate)
    // Whoever stops it is told.
    this.#sending.catch(() => {})
  }

  /** @returns how many records were sent */
  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#sending
    return this.#numSent
  }

  async #send(cluster: Cluster, workload: Workload, topic: string, rate: number): Promise<void> {
    const startedAt = performance.now()
    for (const batch of workload.batches(Math.ceil(rate / BATCHES_A_SECOND))) {
      await cluster.send(topic, batch)
      this.#numSent += batch.length
      await sleep(startedAt + (1000 * this.#numSent) / rate - performance.now())
      if (this.#isStopped) return
    }
  }
}
