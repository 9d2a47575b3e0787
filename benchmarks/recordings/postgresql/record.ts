import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Cluster } from './cluster.js'
import type { Site } from './faults/periods.js'
import { planFaults } from './faults/plan.js'
import { Ledger } from './ledger.js'
import { FLOWS, type PlannedVisit, planVisits } from './mix.js'
import { pack } from './pack.js'
import { Random, sleep } from './random.js'
import { Visit } from './visit.js'
import type { World } from './world.js'

/** Visits of the published recording; smaller recordings inject fewer faults. */
const FULL_SIZE = 4800

/** Share of visits and time before the first fault. */
const FIRST_PART = 0.6

/** Most visits at once, below the server's connection limit. */
const MAX_CONCURRENT = 18

const HELP = `Records PostgreSQL server logs with injected faults.

  --out DIR        where the files go (default benchmarks/recordings)
  --visits N       pieces of ordinary work (default ${FULL_SIZE})
  --minutes N      duration (default 9)
  --seed N         default 42
  --binaries DIR   PostgreSQL's programs (default /usr/lib/postgresql/15/bin)
  --directory DIR  private cluster, must not exist (default logneo-recording in the temporary directory)

Run as root (the server then runs as user postgres, and the disk can be filled) or as any user but root.`

function options() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'benchmarks/recordings' },
      visits: { type: 'string', default: String(FULL_SIZE) },
      minutes: { type: 'string', default: '9' },
      seed: { type: 'string', default: '42' },
      binaries: { type: 'string', default: '/usr/lib/postgresql/15/bin' },
      directory: { type: 'string', default: join(tmpdir(), 'logneo-recording') },
      help: { type: 'boolean', default: false },
    },
  })
  return values
}

function worldOf(cluster: Cluster): World {
  return {
    port: cluster.port,
    socketDirectory: cluster.directory,
    binaries: cluster.binaries,
    identity: cluster.identity,
    passwords: cluster.passwords,
    ledger: new Ledger(),
    counters: { invoice: 1000, customer: 1, product: 20001, meeting: 0 },
    turns: new Map(),
    tools: { running: 0, paused: false },
  }
}

/** Starts each visit at its time and waits for all to end. */
async function runVisits(world: World, visits: readonly PlannedVisit[]): Promise<void> {
  const begin = Date.now()
  const running = new Set<Promise<void>>()
  for (const { at, flow, rng } of visits) {
    await sleep(Math.max(0, begin + at - Date.now()))
    while (running.size >= MAX_CONCURRENT) await Promise.race(running)
    const visit = new Visit(world, flow, rng).run(FLOWS[flow]!)
    running.add(visit)
    visit.finally(() => running.delete(visit))
  }
  await Promise.all(running)
}

async function runFaults(site: Site, duration: number, scale: number): Promise<void> {
  const faults = planFaults(site.rng, scale).map(async ({ at, inject }) => {
    await sleep(at * duration)
    await inject(site)
  })
  await Promise.all(faults)
}

async function record(): Promise<void> {
  const given = options()
  if (given.help) return console.log(HELP)
  const numVisits = Number(given.visits)
  const duration = Number(given.minutes) * 60_000
  const rng = new Random(Number(given.seed))
  const cluster = new Cluster(resolve(given.directory), given.binaries)
  const abandon = () => cluster.remove().finally(() => process.exit(1))
  for (const event of ['SIGINT', 'SIGTERM']) process.once(event, abandon)
  try {
    await cluster.create()
    await cluster.start()
    const world = worldOf(cluster)
    const first = planVisits(rng.fork(), Math.round(numVisits * FIRST_PART), duration * FIRST_PART, 0)
    const second = planVisits(
      rng.fork(),
      Math.round(numVisits * (1 - FIRST_PART)),
      duration * (1 - FIRST_PART),
      1,
    )
    await runVisits(world, first)
    await sleep(500)
    const splitAt = Date.now()
    await sleep(500)
    const site = { world, cluster, rng: rng.fork(), archiveFile: cluster.archiveFile }
    await Promise.all([
      runVisits(world, second),
      runFaults(site, duration * (1 - FIRST_PART), numVisits / FULL_SIZE),
    ])
    await cluster.stop()
    const { packed, warnings } = pack(cluster.logFile, world.ledger, splitAt, given.out)
    console.log(JSON.stringify(packed, null, 2))
    for (const warning of warnings) console.error(`warning: ${warning}`)
    if (warnings.length > 0) process.exitCode = 1
  } finally {
    await cluster.remove()
  }
}

await record()
