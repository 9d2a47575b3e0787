import { type Cluster, sum } from './cluster.js'
import { Progress } from './progress.js'
import { Replica, type ReplicaSettings } from './replica.js'
import { Verdicts } from './verdicts.js'

/** Where replicas run, with all but the topics they read and write. */
export interface Site {
  readonly cluster: Cluster
  /** For configs and what replicas say. */
  readonly folder: string
  readonly settings: Omit<ReplicaSettings, 'from' | 'to' | 'group'>
}

export interface BacklogRun {
  readonly eventsPerSecond: number
  /** From the start of the processes to the first record that is done with. */
  readonly firstRecordMs: number
  readonly verdicts: Verdicts
}

/** Has a number of replicas work off a full topic, from its beginning to its end, and reads what they made of it. */
export async function workOff(
  { cluster, folder, settings }: Site,
  {
    from,
    to,
    numRecords,
    numReplicas,
  }: { from: string; to: string; numRecords: number; numReplicas: number },
): Promise<BacklogRun> {
  const group = `group-${to}`
  const progress = new Progress(cluster, group, from)
  const startedAt = performance.now()
  const replicas = await Promise.all(
    Array.from({ length: numReplicas }, (_, i) =>
      Replica.start(folder, `${to}-${i}`, { ...settings, from, to, group }),
    ),
  )
  try {
    await progress.reaches(1)
    const firstAt = performance.now()
    const numFirst = sum(progress.offsets)
    await progress.reaches(numRecords)
    const seconds = (performance.now() - firstAt) / 1000
    await Promise.all(replicas.map(replica => replica.end('SIGTERM')))
    await cluster.seal(to)
    return {
      eventsPerSecond: Math.round((numRecords - numFirst) / seconds),
      firstRecordMs: Math.round(firstAt - startedAt),
      verdicts: await Verdicts.read(cluster, to),
    }
  } finally {
    await progress.stop()
    await Promise.all(replicas.map(replica => replica.end('SIGKILL')))
  }
}
