import { groupBy, median } from '../statistics.js'
import type { Assessment } from './assess.js'
import type { Course } from './disturb.js'
import type { Fault } from './fault.js'
import type { Topology } from './topology.js'
import type { TopologyName } from './topology-names.js'

/** The paper's bound on recovery. */
const MAX_RECOVERY_MS = 10_000

/** What became of the records in one topology. */
export interface ChaosRun extends Assessment {
  readonly topology: TopologyName
  readonly eventsPerSecond: number
  readonly faults: number
  readonly medianRecoverySeconds: number
  readonly worstRecoverySeconds: number
  readonly worstCaughtUpSeconds: number
  /** Programs that ended without having been killed. */
  readonly crashes: number
  readonly isExactlyOnce: boolean
}

/** All of it. */
export interface ChaosReport {
  readonly passed: boolean
  readonly minutes: number
  readonly rate: number
  readonly seed: number
  /** What this machine lacks. */
  readonly leftOut: readonly string[]
  readonly checks: readonly { readonly check: string; readonly holds: boolean }[]
  readonly runs: readonly ChaosRun[]
  readonly faults: readonly FaultRow[]
}

/** Faults of one kind in one topology. */
export interface FaultRow {
  readonly topology: TopologyName
  readonly fault: string
  readonly times: number
  readonly medianRecoverySeconds: number
  readonly worstRecoverySeconds: number
  readonly medianCaughtUpSeconds: number
  readonly worstCaughtUpSeconds: number
}

export const rowsOf = (topology: TopologyName, faults: readonly Fault[]): FaultRow[] =>
  groupBy(faults, ({ kind }) => kind.name).map(same => {
    const recoveries = same.map(({ recoveryMs }) => recoveryMs)
    const backlogs = same.map(({ caughtUpMs }) => caughtUpMs)
    return {
      topology,
      fault: same[0]!.kind.name,
      times: same.length,
      medianRecoverySeconds: inSeconds(median(recoveries)),
      worstRecoverySeconds: inSeconds(Math.max(...recoveries)),
      medianCaughtUpSeconds: inSeconds(median(backlogs)),
      worstCaughtUpSeconds: inSeconds(Math.max(...backlogs)),
    }
  })

export function summarize(
  name: TopologyName,
  topology: Topology,
  { ledger, faults, seconds }: Course,
  assessment: Assessment,
): ChaosRun {
  const recoveries = faults.map(({ recoveryMs }) => recoveryMs)
  return {
    topology: name,
    eventsPerSecond: Math.round(ledger.numArrived / seconds),
    faults: faults.length,
    medianRecoverySeconds: inSeconds(median(recoveries)),
    worstRecoverySeconds: inSeconds(Math.max(...recoveries)),
    worstCaughtUpSeconds: inSeconds(Math.max(...faults.map(({ caughtUpMs }) => caughtUpMs))),
    crashes: topology.parts.reduce((sum, { numCrashes }) => sum + numCrashes, 0),
    isExactlyOnce: topology.isExactlyOnce,
    ...assessment,
  }
}

const inSeconds = (ms: number): number => Number((ms / 1000).toFixed(2))

/** What must hold, by name. */
export function checksOf(runs: readonly ChaosRun[]): Record<string, boolean> {
  return {
    'no record was lost': runs.every(({ lost, strange }) => lost === 0 && strange === 0),
    'records arrived twice only around a kill': runs.every(one => one.repeatedWithoutCause === 0),
    'with transactions none arrived twice': runs.every(one => !one.isExactlyOnce || one.repeated === 0),
    'untouched sessions got the verdicts of an undisturbed run': runs.every(
      one => one.untouchedThatDiffer === 0,
    ),
    [`records arrived within ${MAX_RECOVERY_MS / 1000} s of each fault's end`]: runs.every(
      one => one.faults > 0 && one.worstRecoverySeconds * 1000 <= MAX_RECOVERY_MS,
    ),
    'no program ended by itself': runs.every(({ crashes }) => crashes === 0),
  }
}
