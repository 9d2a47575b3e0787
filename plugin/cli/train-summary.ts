import type { TrainingRecord } from '../../scorer/trained-model.js'
import { trainingAdvice } from '../report/advice.js'
import type { ReportFacts } from '../report/documents.js'
import { heldOutLoss } from '../report/facts-section.js'
import { counted, duration, integer, percent } from '../report/html.js'

/** How a training came out, in a few lines for people, what they should look into last. */
export function trainingSummary(facts: ReportFacts): string[] {
  const { model, falseAlarmRate } = facts
  const { training, validation, vocabulary } = model
  const last = training.epochs.at(-1)!
  const trimmed = `${counted(training.numTrimmed, 'session')} unlike all others ${training.numTrimmed === 1 ? 'was' : 'were'} left out, as anomalies probably; --no-trim trains on them too`
  return [
    ...(training.numTrimmed > 0 ? [trimmed] : []),
    `trained${training.startedFrom === undefined ? '' : ` from ${training.startedFrom.name}`} on ${counted(training.numSessions, 'session')} (${counted(training.numEvents, 'event')}, ${counted(vocabulary.keys.length, 'log key')}) in ${duration(training.seconds)}: ` +
      `${counted(training.epochs.length, 'epoch')}, loss ${last.trainingLoss.toFixed(4)} in training and ${heldOutLoss(training).toFixed(4)} on sessions held out`,
    ...(training.options.timeBudgetSeconds === undefined ? [] : [describeBudget(training)]),
    `calibrated on ${counted(validation.numSessions, 'session')} held out, for false alarms on ${percent(falseAlarmRate)} of normal sessions`,
    ...trainingAdvice(facts).map(advice => `note: ${advice}`),
  ]
}

function describeBudget(training: TrainingRecord): string {
  const { reinforcement } = training
  const batches = reinforcement && `, and for ${share(reinforcement.model)} batches of reinforcement`
  return `the time budget had room for ${share(training)} steps${batches ?? ''}`
}

function share({ numSteps, numPlannedSteps }: Pick<TrainingRecord, 'numSteps' | 'numPlannedSteps'>): string {
  return numSteps < numPlannedSteps
    ? `${integer(numSteps)} of ${integer(numPlannedSteps)}`
    : `all ${integer(numPlannedSteps)}`
}
