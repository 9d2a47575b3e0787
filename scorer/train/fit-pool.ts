import { availableParallelism } from 'node:os'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { ScoringError } from '../errors.js'
import type { FitResult, FitTask } from './fit.js'
import type { FitMessage } from './fit-worker.js'
import type { TrainProgress } from './mle.js'
import { plannedSteps } from './plan.js'

/** Two at a time: a third would need a third core and its memory, and folds are few. */
const MAX_WORKERS = 2

/** How far one of several tasks is, numbered from 0 in the order they start in. */
export interface TaskProgress extends TrainProgress {
  readonly task: number
  readonly numTasks: number
}

/** Told how far all tasks are together: steps done and steps in all, and the progress of the task heard of last. */
export type PoolProgress = (numStepsDone: number, numSteps: number, latest: TaskProgress) => void

/** How many of so many tasks run at the same time. */
export function numParallel(numTasks: number): number {
  return Math.min(MAX_WORKERS, availableParallelism(), numTasks)
}

/**
 * Runs tasks in threads of their own, as many at a time as there are cores, and returns the results in the order of the tasks.
 * @param deadlineMs when all must be done, as Date.now() counts; each task gets its share of the time
 */
export async function fitAll(
  tasks: readonly FitTask[],
  deadlineMs: number | undefined,
  onProgress: PoolProgress,
): Promise<FitResult[]> {
  const width = numParallel(tasks.length)
  const results: FitResult[] = new Array(tasks.length)
  const done = new Array<number>(tasks.length).fill(0)
  const planned = tasks.map(plannedSteps)
  let next = 0
  const work = async (): Promise<void> => {
    for (let i = next++; i < tasks.length; i = next++) {
      const report = (latest: TrainProgress): void => {
        done[i] = latest.step
        planned[i] = latest.numSteps
        onProgress(sum(done), sum(planned), { ...latest, task: i, numTasks: tasks.length })
      }
      let last: TrainProgress | undefined
      const task = withDeadline(tasks[i]!, deadlineMs, Math.ceil((tasks.length - i) / width))
      results[i] = await runTask(task, progress => report((last = progress)))
      // It may have stopped early: the steps it did not need are not to come.
      if (last !== undefined) report({ ...last, numSteps: last.step })
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return results
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** @param rounds how many tasks, this one included, a thread has before it */
function withDeadline(task: FitTask, deadlineMs: number | undefined, rounds: number): FitTask {
  if (deadlineMs === undefined) return task
  const now = Date.now()
  return { ...task, deadlineMs: now + (deadlineMs - now) / rounds }
}

function runTask(task: FitTask, onProgress: (progress: TrainProgress) => void): Promise<FitResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./fit-worker.js', import.meta.url), {
      workerData: task,
      execArgv: [],
      // So that the thread can forbid the runtime's telemetry.
      env: SHARE_ENV,
      // Each step leaves three parameter vectors behind; a small nursery has them collected sooner.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    worker.on('message', (message: FitMessage) => {
      if ('progress' in message) onProgress(message.progress)
      else if ('result' in message) resolve(message.result)
      else reject(new ScoringError(`training failed: ${message.error}`))
    })
    worker.on('error', error => reject(new ScoringError(`training failed: ${String(error)}`, error)))
    worker.on('exit', () => reject(new ScoringError('training failed: its thread ended')))
  })
}
