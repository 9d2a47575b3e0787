import {
  closeSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../client.js'
import type { Cluster } from '../cluster.js'
import { archiveReport, importFlow } from '../flows/backoffice.js'
import { lookUp } from '../flows/webshop.js'
import { type Random, sleep } from '../random.js'
import { type Flow, Visit } from '../visit.js'
import { ROLES, type Role, type World } from '../world.js'

/** What faults that last a while act upon. */
export interface Site {
  readonly world: World
  readonly cluster: Cluster
  readonly rng: Random
  /** Path of the audit archive's file below the data directory. */
  readonly archiveFile: string
}

/** Bytes that stay free on the full disk: enough to create a file, too little to load rows. */
const FREE_BYTES_WHEN_FULL = 150_000

const PAGE_BYTES = 8192

function start({ world, rng }: Site, name: string, flow: Flow, fault?: string): Promise<void> {
  return new Visit(world, name, rng.fork(), fault === undefined ? {} : { fault }).run(flow)
}

/** Keeps command-line clients away while `work` runs: the ledger cannot follow their connections. */
async function withoutTools({ world }: Site, work: () => Promise<void>): Promise<void> {
  world.tools.paused = true
  while (world.tools.running > 0) await sleep(20)
  await work()
  world.tools.paused = false
}

/** Kills one backend the hard way: the server drops every session and recovers. */
export function crash(site: Site, during: () => void = () => {}): Promise<void> {
  const { world, cluster, rng } = site
  return withoutTools(site, async () => {
    for (let left = 200; left > 0 && world.ledger.open().length < 10; left--) await sleep(30)
    const end = world.ledger.begin('crash-recovery', 'lost', '57P01', '57P02', '57P03')
    const logged = statSync(cluster.logFile).size
    const victim = rng.pick(world.ledger.open())
    victim.fault = 'backend-killed'
    process.kill(victim.pid, 'SIGKILL')
    during()
    await cluster.untilReady(logged)
    await sleep(150)
    end()
  })
}

/** Crashes the server, damages a page of the archive on disk meanwhile, and repairs it later. */
export async function crashWithPageCorruption(site: Site): Promise<void> {
  const path = join(site.cluster.data, site.archiveFile)
  const file = openSync(path, 'r+')
  const original = Buffer.alloc(64)
  const at = PAGE_BYTES + 4000
  readSync(file, original, 0, original.length, at)
  const end = site.world.ledger.begin('page-corruption', 'XX001')
  await crash(site, () => writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, at))
  for (let left = 6; left > 0; left--) {
    await start(site, 'archiveReport', archiveReport)
    await sleep(1000)
  }
  writeSync(file, original, 0, original.length, at)
  closeSync(file)
  await sleep(500)
  end()
}

/** Fills the file system of the staging table, so that imports run out of disk. */
export async function diskFull(site: Site): Promise<void> {
  const { staging } = site.cluster
  if (!staging) return
  const end = site.world.ledger.begin('disk-full', '53100')
  const ballast = join(staging, 'ballast')
  await site.world.turns.get('import')
  const { bavail, bsize } = statfsSync(staging)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - FREE_BYTES_WHEN_FULL)))
  for (let left = 7; left > 0; left--) {
    await start(site, 'import', importFlow)
    await sleep(900)
  }
  rmSync(ballast)
  await sleep(500)
  end()
}

/** Opens connections and leaves them idle after the first statement, until the server takes no more. */
export function connectionLeak(site: Site): Promise<void> {
  const { world } = site
  return withoutTools(site, async () => {
    const end = world.ledger.begin('connection-exhaustion', '53300')
    const held: Client[] = []
    const visits: Promise<void>[] = []
    let isFull = false
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const leak: Flow = async visit => {
      const client = await visit.open('webshop', { think: [2, 8] }).catch(error => {
        isFull = true
        throw error
      })
      held.push(client)
      await lookUp(client, `user${visit.rng.int(1, 2000)}@example.com`)
      await released
      await client.vanish()
    }
    while (!isFull && visits.length < 60) {
      visits.push(start(site, 'leak', leak, 'connection-leak'))
      await sleep(35)
    }
    await sleep(1300)
    release()
    await Promise.all(visits)
    await sleep(200)
    end()
  })
}

const GUESSED_USERS = ['postgres', 'admin', 'root', 'test', ...(Object.keys(ROLES) as Role[])]

/** Somebody tries passwords. */
export async function badCredentials(site: Site, attempts: number): Promise<void> {
  for (let left = attempts; left > 0; left--) {
    const guess: Flow = async visit => {
      const user = visit.rng.pick(GUESSED_USERS)
      const password = visit.rng.pick(['123456', 'password', 'qwerty', user])
      await visit.open('webshop', { user, password, database: 'shop', refusal: '28P01' })
    }
    await start(site, 'guess', guess, 'bad-credentials')
    await sleep(site.rng.int(40, 250))
  }
}
