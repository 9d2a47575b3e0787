import { type Section, table } from '../results/section.js'
import type { ChaosReport, ChaosRun, FaultRow } from './report.js'

/** The report as a section of docs/results.md. */
export function chaosSection(report: ChaosReport): Section {
  const { runs, faults, minutes, rate, seed } = report
  const numFaults = runs.reduce((sum, one) => sum + one.faults, 0)
  return {
    name: 'chaos',
    title: 'Nothing lost',
    text: [
      `Numbered records at ${rate.toLocaleString('en-US')} a second for ${minutes} minutes in all, and ${numFaults} faults (seed ${seed}): what`,
      'became of the records ([how it is measured](chaos.md)).',
      '',
      runsTable(runs),
      '',
      'Recovery: seconds from the end of a fault to the first record delivered after it (where the model was away, to the last',
      'record unscored). Backlog: until a record sent after it was delivered.',
      '',
      faultsTable(faults),
      '',
      report.checks.map(({ check, holds }) => `- ${holds ? 'yes' : '**no**'}: ${check}`).join('\n'),
      ...report.leftOut.map(what => `- left out: ${what}`),
    ].join('\n'),
    figures: report,
  }
}

const runsTable = (runs: readonly ChaosRun[]): string =>
  table(
    [
      'pipeline',
      'records',
      'a second',
      'faults',
      'lost',
      'twice',
      'twice without a kill',
      'unscored',
      'sessions',
      'touched',
      'touched, other verdicts',
      'untouched, other verdicts',
    ],
    runs.map(one => [
      one.topology,
      one.sent,
      one.eventsPerSecond,
      one.faults,
      one.lost,
      one.repeated,
      one.repeatedWithoutCause,
      one.unscored,
      one.sessions,
      one.touched,
      one.touchedThatDiffer,
      one.untouchedThatDiffer,
    ]),
  )

const faultsTable = (faults: readonly FaultRow[]): string =>
  table(
    ['pipeline: fault', 'times', 'recovery, median', 'worst', 'backlog, median', 'worst'],
    faults.map(one => [
      `${one.topology}: ${one.fault}`,
      one.times,
      one.medianRecoverySeconds,
      one.worstRecoverySeconds,
      one.medianCaughtUpSeconds,
      one.worstCaughtUpSeconds,
    ]),
  )
