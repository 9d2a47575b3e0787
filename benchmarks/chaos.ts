import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cachedModel } from './cached-model.js'
import { type Assessment, assess } from './chaos/assess.js'
import { Disturbance } from './chaos/disturb.js'
import { type Expected, expectedOf } from './chaos/expected.js'
import type { Fault } from './chaos/fault.js'
import { Network } from './chaos/network.js'
import { openTopology } from './chaos/open-topology.js'
import { IDLE_TIMEOUT_SECONDS } from './chaos/topology.js'
import type { TopologyName } from './chaos/topology-names.js'
import { Replay, type ReplayInput } from './replay.js'
import { groupBy, median } from './statistics.js'

export interface ChaosOptions extends ReplayInput {
  /** Of all topologies together. */
  readonly minutes: number
  /** Records a second. */
  readonly rate: number
  readonly seed: number
  readonly topologies: readonly TopologyName[]
}

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

/**
 * Numbered records go through a pipeline at a steady rate while its parts are killed and its cables pulled. `passed`: no record was lost, none
 * arrived twice but for a kill (with Kafka transactions none at all), sessions that no fault touched got the verdicts of an undisturbed run, and
 * after each fault records arrived again within 10 s. What is not here, such as a Kafka broker, is left out and told in `leftOut`.
 */
export async function run(options: ChaosOptions): Promise<Record<string, unknown>> {
  const { path, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const total = Math.ceil((options.minutes * 60 * options.rate) / options.topologies.length)
  const rules = { idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS }
  const expected = await expectedOf({ model: path, rules }, replay, total)
  const leftOut: string[] = []
  const noNetwork = await Network.missing()
  if (noNetwork !== undefined) leftOut.push(`network cuts: ${noNetwork}`)
  const runs: ChaosRun[] = []
  const faults: FaultRow[] = []
  for (const name of options.topologies) {
    const done = await runOne(name, path, replay, expected, options, noNetwork === undefined)
    runs.push(done.run)
    faults.push(...done.faults)
  }
  const checks = checksOf(runs)
  return {
    passed: Object.values(checks).every(Boolean),
    minutes: options.minutes,
    rate: options.rate,
    seed: options.seed,
    leftOut,
    checks: Object.entries(checks).map(([check, holds]) => ({ check, holds })),
    runs,
    faults,
  }
}

async function runOne(
  name: TopologyName,
  model: string,
  replay: Replay,
  expected: Expected,
  { rate, seed }: ChaosOptions,
  hasNetwork: boolean,
): Promise<{ run: ChaosRun; faults: FaultRow[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-chaos-'))
  const network = hasNetwork ? await Network.open() : undefined
  const topology = await openTopology(name, { model, folder, network, expected })
  try {
    const course = await new Disturbance(topology, { replay, expected, rate, seed }).run()
    const copies = await topology.copies?.(expected.total)
    const { faults, seconds } = course
    const run = {
      topology: name,
      eventsPerSecond: Math.round(course.ledger.numArrived / seconds),
      faults: faults.length,
      medianRecoverySeconds: inSeconds(median(faults.map(({ recoveryMs }) => recoveryMs))),
      worstRecoverySeconds: inSeconds(Math.max(...faults.map(({ recoveryMs }) => recoveryMs))),
      worstCaughtUpSeconds: inSeconds(Math.max(...faults.map(({ caughtUpMs }) => caughtUpMs))),
      crashes: topology.parts.reduce((sum, { numCrashes }) => sum + numCrashes, 0),
      isExactlyOnce: topology.isExactlyOnce,
      ...assess(course, expected, copies),
    }
    return { run, faults: rowsOf(name, faults) }
  } finally {
    await topology.stop()
    await network?.remove()
    await rm(folder, { recursive: true })
  }
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

const rowsOf = (topology: TopologyName, faults: readonly Fault[]): FaultRow[] =>
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

const inSeconds = (ms: number): number => Number((ms / 1000).toFixed(2))

function checksOf(runs: readonly ChaosRun[]): Record<string, boolean> {
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
