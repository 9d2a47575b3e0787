import type { FitTask } from './fit.js'
import { resolveEpochs } from './options.js'
import { resolveNumSteps } from './rl/options.js'

/** What plans depend on. */
export type PlannedTask = Pick<FitTask, 'training' | 'options' | 'deadlineMs'>

/** Steps of a task that waits, were it not to stop early; segments of long sessions aside. */
export function plannedSteps(task: PlannedTask): number {
  const { training, options } = task
  return (
    resolveEpochs(options.epochs, 1) * Math.ceil(training.length / options.batchSize) + plannedBatches(task)
  )
}

/** Batches of reinforcement among them. */
export function plannedBatches({ training, options: { reinforcement } }: PlannedTask): number {
  return reinforcement === 'none' ? 0 : resolveNumSteps(reinforcement, training.length)
}

/**
 * When likelihood must be over, as `nowMs` counts: it leaves reinforcement its share of the time, that of its sessions among all that are gone
 * through. Of either no more count than there are by default, so that many of one do not crowd out the other. Batches of reinforcement are
 * acted on too, which is forward alone.
 */
export function deadlineOfLikelihood(task: PlannedTask, nowMs: number): number {
  const { deadlineMs = Number.POSITIVE_INFINITY, training, options } = task
  const { reinforcement, epochs, batchSize } = options
  if (reinforcement === 'none' || deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs
  const usualEpochs = resolveEpochs('auto', Math.ceil(training.length / batchSize))
  const usualBatches = resolveNumSteps({ ...reinforcement, numSteps: 'auto' }, training.length)
  const likelihood = Math.min(resolveEpochs(epochs, 1), usualEpochs) * training.length
  const numReinforced = Math.min(plannedBatches(task), usualBatches) * reinforcement.batchSize
  const reinforced = numReinforced * (reinforcement.numEpochs + 1 / 3)
  return nowMs + ((deadlineMs - nowMs) * likelihood) / (likelihood + reinforced)
}
