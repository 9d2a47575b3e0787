import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../services/free-ports.js'
import { findProgram, missing } from '../services/program.js'
import type { FaultKind } from './fault.js'
import { HERE } from './network.js'
import { logneo, Part } from './part.js'
import {
  BOTH_SIDES,
  cutOf,
  type Effects,
  freezeOf,
  IDLE_TIMEOUT_SECONDS,
  killOf,
  type TopologyOptions,
} from './topology.js'

/** A service that a stage asks while it works. */
export interface Beside {
  readonly part: Part
  readonly port: number
  readonly kinds: readonly FaultKind[]
  /** Sections of the stage's config. */
  readonly config: string
  /** What a stage that is killed takes with it. */
  readonly effects: Effects
}

/** The stage alone: its sessions are written to disk every second. */
export const alone = ({ model, folder }: TopologyOptions): Pick<Beside, 'config' | 'effects'> => ({
  config: `
model: { path: ${model} }
state: { path: ${join(folder, 'state')}, sessions: true, sessions_seconds: 1 }
`,
  effects: { losesSessions: true, mayRepeat: true },
})

/** The model in a sidecar; the stage remembers so few of its answers that it asks nearly always. */
export async function besideSidecar(options: TopologyOptions): Promise<Beside> {
  const { model, folder, network } = options
  const link = await network?.link('sidecar')
  const place = link?.neighbour ?? HERE
  const [port] = await freePorts(1)
  const address = `tcp:${place.host}:${port}`
  const part = new Part(place, logneo('sidecar', '--model', model, '--listen', address), join(folder, 'log'))
  const effects = { unscores: true }
  return {
    part,
    port: port!,
    kinds: [
      killOf('sidecar killed', part, effects),
      freezeOf('sidecar frozen', part, effects),
      ...(link ? [cutOf('network to the sidecar cut', link, BOTH_SIDES, effects)] : []),
    ],
    config: `
model: { path: ${model}, sidecar: { address: "${address}", timeout_ms: 1000 } }
scorer: { cache_mb: 1 }
`,
    effects: { losesSessions: true, mayRepeat: true, unscores: true },
  }
}

/** Why there can be no Redis, false where there can. @throws Error as `findProgram` does */
export const redisMissing = (): string | false =>
  findProgram('redis-server', 'REDIS_SERVER') === undefined && missing('redis-server', 'REDIS_SERVER')

/** Sessions in Redis, which has on disk what it was told before it answers: nothing is lost with a process. */
export async function besideRedis({ model, folder, network }: TopologyOptions): Promise<Beside> {
  const link = await network?.link('redis')
  const place = link?.neighbour ?? HERE
  const [port] = await freePorts(1)
  const data = join(folder, 'redis')
  await mkdir(data)
  const where = ['--bind', place.host, '--port', String(port), '--protected-mode', 'no', '--dir', data]
  const how = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '']
  const program = findProgram('redis-server', 'REDIS_SERVER')!
  const part = new Part(place, [program, ...where, ...how], join(folder, 'log'))
  return {
    part,
    port: port!,
    kinds: [
      killOf('Redis killed', part),
      freezeOf('Redis frozen', part),
      ...(link ? [cutOf('network to Redis cut', link, BOTH_SIDES)] : []),
    ],
    config: `
model: { path: ${model} }
store: { kind: redis, url: "redis://${place.host}:${port}", expire_seconds: ${2 * IDLE_TIMEOUT_SECONDS} }
`,
    effects: { mayRepeat: true },
  }
}
