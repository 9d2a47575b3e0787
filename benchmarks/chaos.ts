import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cachedModel } from './cached-model.js'
import { assess } from './chaos/assess.js'
import { Disturbance, type DisturbOptions } from './chaos/disturb.js'
import { expectedOf } from './chaos/expected.js'
import { Network } from './chaos/network.js'
import { openTopology, topologyMissing } from './chaos/open-topology.js'
import {
  type ChaosReport,
  type ChaosRun,
  checksOf,
  type FaultRow,
  rowsOf,
  summarize,
} from './chaos/report.js'
import { chaosSection } from './chaos/section.js'
import { IDLE_TIMEOUT_SECONDS } from './chaos/topology.js'
import type { TopologyName } from './chaos/topology-names.js'
import { Replay, type ReplayInput } from './replay.js'
import { machineFacts } from './report.js'
import { writeSection } from './results/document.js'

export interface ChaosOptions extends ReplayInput {
  /** Of all topologies together. */
  readonly minutes: number
  /** Records a second. */
  readonly rate: number
  readonly seed: number
  readonly topologies: readonly TopologyName[]
  /** Folder of results.md and results.json, whose section on chaos is replaced. Default: none is written. */
  readonly out?: string
}

/**
 * Numbered records go through a pipeline at a steady rate while its parts are killed and its cables pulled. `passed`: no record was lost, none
 * arrived twice but for a kill (with Kafka transactions none at all), sessions that no fault touched got the verdicts of an undisturbed run, and
 * after each fault records arrived again within 10 s. What is not here, such as a Kafka broker, is left out and told in `leftOut`.
 */
export async function run(options: ChaosOptions): Promise<Record<string, unknown>> {
  // So that what was started and made is ended and removed.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const occasion = { machine: machineFacts(), date: new Date().toISOString().slice(0, 10) }
  const report = await bringChaos(options)
  if (options.out !== undefined) await writeSection(options.out, chaosSection(report), occasion)
  return { ...report }
}

async function bringChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { minutes, rate, seed } = options
  const { topologies, hasNetwork, leftOut } = await whatIsHere(options.topologies)
  const { path, format } = await cachedModel(options)
  const replay = await Replay.open(options, format)
  const total = Math.ceil((minutes * 60 * rate) / topologies.length)
  const rules = { idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS }
  const expected = await expectedOf({ model: path, rules }, replay, total)
  const runs: ChaosRun[] = []
  const faults: FaultRow[] = []
  for (const name of topologies) {
    const done = await runOne(name, { model: path, replay, expected, rate, seed, hasNetwork })
    runs.push(done.run)
    faults.push(...done.faults)
  }
  const checks = Object.entries(checksOf(runs)).map(([check, holds]) => ({ check, holds }))
  return { passed: checks.every(({ holds }) => holds), minutes, rate, seed, leftOut, checks, runs, faults }
}

/** @throws Error where something is missing and LOGNEO_REQUIRE_SERVICES=1, and where nothing is left */
async function whatIsHere(wanted: readonly TopologyName[]) {
  const leftOut: string[] = []
  const noNetwork = await Network.missing()
  if (noNetwork !== undefined) leftOut.push(`network cuts: ${noNetwork}`)
  const topologies = wanted.filter(name => {
    const why = topologyMissing(name)
    if (why !== false) leftOut.push(`${name}: ${why}`)
    return why === false
  })
  if (topologies.length === 0) throw new Error(`nothing to do: ${leftOut.join('; ')}`)
  return { topologies, hasNetwork: noNetwork === undefined, leftOut }
}

/** What all pipelines have in common. */
interface Given extends DisturbOptions {
  readonly model: string
  readonly hasNetwork: boolean
}

async function runOne(name: TopologyName, given: Given): Promise<{ run: ChaosRun; faults: FaultRow[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'logneo-chaos-'))
  const network = given.hasNetwork ? await Network.open() : undefined
  try {
    const topology = await openTopology(name, { ...given, folder, network })
    try {
      const course = await new Disturbance(topology, given).run()
      const copies = await topology.copies?.(given.expected.total)
      const run = summarize(name, topology, course, assess(course, given.expected, copies))
      return { run, faults: rowsOf(name, course.faults) }
    } finally {
      await topology.stop()
    }
  } finally {
    await network?.remove()
    await rm(folder, { recursive: true })
  }
}
