import { FLOWS } from '../mix.js'
import { type Random, sleep } from '../random.js'
import { type Flow, Visit } from '../visit.js'
import { applicationFault } from './application.js'
import { contestedProduct, deadlock, endlessReport, hangingRecount, timedOutPicking } from './contention.js'
import { CORRUPT_STARTUPS, interruption } from './interruptions.js'
import {
  badCredentials,
  connectionLeak,
  crash,
  crashWithPageCorruption,
  diskFull,
  type Site,
} from './periods.js'

type Injection = (site: Site) => Promise<void>

interface PlannedFault {
  /** Share of the part's duration at which to inject, in [0, 1]. */
  readonly at: number
  readonly inject: Injection
}

function visit(site: Site, rng: Random, name: string, flow: Flow, fault: string): Promise<void> {
  return new Visit(site.world, name, rng, { fault }).run(flow)
}

function faulty(fault: string): (rng: Random) => Injection {
  return rng => site => visit(site, rng, fault, applicationFault(fault, rng).flow, fault)
}

function struck(fault: string, ...hosts: string[]): (rng: Random) => Injection {
  return rng => site => {
    const host = rng.pick(hosts)
    return new Visit(site.world, host, rng, { interruption: interruption(fault, rng) }).run(FLOWS[host]!)
  }
}

function work(fault: string, flow: Flow): (rng: Random) => Injection {
  return rng => site => visit(site, rng, fault, flow, fault)
}

function corruptStartup(rng: Random): Injection {
  const bytes = rng.pick(CORRUPT_STARTUPS)
  return site => visit(site, rng, 'corrupt-startup', self => self.rawConnection(bytes), 'corrupt-message')
}

/** Faults of single sessions, and how many of each at the full size of the recording. */
const SINGLE: readonly [count: number, make: (rng: Random) => Injection][] = [
  [13, faulty('skipped-step')],
  [12, faulty('duplicate-step')],
  [12, faulty('wrong-order')],
  [12, faulty('missing-commit')],
  [8, faulty('retry-storm')],
  [6, faulty('runaway-client')],
  [12, struck('backend-terminated', 'order', 'order', 'pooled', 'queueWorker', 'cursorReport')],
  [14, struck('client-vanished', 'order')],
  [9, struck('idle-in-transaction', 'order')],
  [9, struck('corrupt-message', 'order', 'order', 'pooled')],
  [5, corruptStartup],
  [6, work('deadlock', deadlock)],
  [8, work('statement-timeout', endlessReport)],
]

/** A recount hangs with its row locked, and pickers run into it. */
async function lockPileUp(site: Site): Promise<void> {
  const rng = site.rng.fork()
  const product = contestedProduct(site.world)
  const holder = visit(site, rng.fork(), 'pile-up', hangingRecount(product), 'idle-in-transaction')
  await sleep(500)
  const waiters: Promise<void>[] = []
  for (let left = 3; left > 0; left--) {
    waiters.push(visit(site, rng.fork(), 'pile-up', timedOutPicking(product), 'lock-timeout'))
    await sleep(300)
  }
  await Promise.all([holder, ...waiters])
}

/** Faults that last a while, kept apart in time. */
const LASTING: readonly PlannedFault[] = [
  { at: 0.06, inject: site => badCredentials(site, 11) },
  { at: 0.14, inject: lockPileUp },
  { at: 0.22, inject: crashWithPageCorruption },
  { at: 0.38, inject: diskFull },
  { at: 0.5, inject: lockPileUp },
  { at: 0.57, inject: connectionLeak },
  { at: 0.66, inject: site => badCredentials(site, 13) },
  { at: 0.75, inject: lockPileUp },
  { at: 0.84, inject: crash },
]

/** All faults of the recording; `scale` is its size relative to the full one. */
export function planFaults(rng: Random, scale: number): PlannedFault[] {
  const single = SINGLE.flatMap(([count, make]) =>
    Array.from({ length: Math.max(1, Math.round(count * scale)) }, () => make(rng.fork())),
  )
  const spread = rng.shuffle(single).map((inject, index, all) => ({
    at: 0.02 + (0.95 * (index + rng.next())) / all.length,
    inject,
  }))
  return [...spread, ...LASTING]
}
