import { setTimeout as sleep } from 'node:timers/promises'
import type { Progress } from './progress.js'
import type { Replica } from './replica.js'

/** One change of who is there, and what it cost. */
export interface Change {
  readonly change: string
  readonly replicas: number
  /** Until the group was at rest with the right members and every partition had gone on. */
  readonly recoveredMs: number
  /** The longest that any partition stood still meanwhile. */
  readonly longestPauseMs: number
}

interface Step {
  readonly change: string
  readonly starts?: number
  readonly ends?: { readonly signal: NodeJS.Signals; readonly count: number }
}

/** How many replicas there are at first. */
export const FIRST_REPLICAS = 2

const STEPS: readonly Step[] = [
  { change: 'two join', starts: 2 },
  { change: 'one stops', ends: { signal: 'SIGTERM', count: 1 } },
  { change: 'one is killed', ends: { signal: 'SIGKILL', count: 1 } },
  { change: 'two join', starts: 2 },
  { change: 'two are killed at once', ends: { signal: 'SIGKILL', count: 2 } },
  {
    change: 'one joins while one is killed',
    starts: 1,
    ends: { signal: 'SIGKILL', count: 1 },
  },
]

/** Between two changes, in milliseconds. */
const CALM_MS = 1500
const POLL_MS = 50

/** Changes the replicas of a group one step after the other, each once the last is overcome. @param replicas those that run; kept up to date */
export async function makeChanges(
  progress: Progress,
  replicas: Replica[],
  start: () => Promise<Replica>,
): Promise<Change[]> {
  const changes: Change[] = []
  for (const step of STEPS) {
    await sleep(CALM_MS)
    progress.reset()
    const { offsets } = progress
    const startedAt = performance.now()
    await take(step, replicas, start)
    await settled(progress, replicas.length)
    const longestPauseMs = await progress.passes(offsets)
    const recoveredMs = Math.round(performance.now() - startedAt)
    changes.push({ change: step.change, replicas: replicas.length, recoveredMs, longestPauseMs })
  }
  return changes
}

async function take(
  { starts = 0, ends }: Step,
  replicas: Replica[],
  start: () => Promise<Replica>,
): Promise<void> {
  const leaving = ends === undefined ? [] : replicas.splice(0, ends.count)
  const started = Array.from({ length: starts }, start)
  await Promise.all([...leaving.map(replica => replica.end(ends!.signal)), ...started])
  for (const replica of started) replicas.push(await replica)
}

async function settled({ cluster, group }: Progress, numMembers: number): Promise<void> {
  while ((await cluster.numMembers(group)) !== numMembers) await sleep(POLL_MS)
}
