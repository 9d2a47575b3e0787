import { segmentFigures } from '../segments.js'
import type { FitTask } from './fit.js'
import { resolveEpochs } from './options.js'
import { resolveNumSteps } from './rl/options.js'

/** What plans depend on. */
export type PlannedTask = Pick<FitTask, 'config' | 'training' | 'options' | 'deadlineMs'>

/** Steps of a task that waits, were it not to stop early. */
export function plannedSteps(task: PlannedTask): number {
  return resolveEpochs(task.options.epochs, 1) * stepsPerEpoch(task) + plannedBatches(task)
}

function stepsPerEpoch({ config, training, options }: PlannedTask): number {
  const sessions = training.map(({ tokens, ended }) => ({ length: tokens.length, ended }))
  return Math.ceil(segmentFigures(sessions, config.contextLength).count / options.batchSize)
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
  const { reinforcement, epochs } = options
  if (reinforcement === 'none' || deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs
  const usualEpochs = resolveEpochs('auto', stepsPerEpoch(task))
  const usualBatches = resolveNumSteps({ ...reinforcement, numSteps: 'auto' }, training.length)
  const likelihood = Math.min(resolveEpochs(epochs, 1), usualEpochs) * training.length
  const numReinforced = Math.min(plannedBatches(task), usualBatches) * reinforcement.batchSize
  const reinforced = numReinforced * (reinforcement.numEpochs + 1 / 3)
  return nowMs + ((deadlineMs - nowMs) * likelihood) / (likelihood + reinforced)
}
