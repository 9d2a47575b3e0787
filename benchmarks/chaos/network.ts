import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { findProgram } from '../services/program.js'

const run = promisify(execFile)

/** Where a program runs, and how others reach it there. */
export interface Place {
  readonly host: string
  /** Goes before a command that is to run there. */
  readonly prefix: readonly string[]
}

/** This machine as it is. */
export const HERE: Place = { host: '127.0.0.1', prefix: [] }

/** From 198.18.0.0/15, which is set apart for benchmarks (RFC 2544): networks of four addresses. */
const NUM_SUBNETS = 2 ** 15
const MAX_LINKS = 4

/**
 * The stage in a network namespace of its own, with a cable (a veth pair) to each of its neighbours. The sender is in the namespace
 * of this process, any other neighbour in one of its own.
 */
export class Network {
  readonly #namespaces: string[] = []
  readonly #links: Link[] = []

  private constructor(readonly name: string) {
    // Namespaces outlive the process that made them.
    process.once('exit', () => this.#abandon())
  }

  /** @returns why there can be none here; undefined where there can */
  static async missing(): Promise<string | undefined> {
    if (findProgram('ip', 'LOGNEO_IP') === undefined) return 'there is no program `ip`: install iproute2'
    const name = `logneo-try-${process.pid}`
    try {
      await ip('netns', 'add', name)
      await ip('netns', 'delete', name)
      return undefined
    } catch {
      return 'no network namespace can be made: run as root'
    }
  }

  /** @throws Error where `missing` says why */
  static async open(): Promise<Network> {
    const network = new Network(`logneo-${process.pid}`)
    await network.#addNamespace(network.name)
    return network
  }

  /** Lays a cable between the stage and a neighbour. @param isHere whether the neighbour is in the namespace of this process */
  async link(name: string, isHere = false): Promise<Link> {
    const number = this.#links.length
    if (number === MAX_LINKS) throw new RangeError(`a network has at most ${MAX_LINKS} links`)
    const namespace = isHere ? undefined : `${this.name}-${name}`
    if (namespace !== undefined) await this.#addNamespace(namespace)
    const link = new Link(this.name, namespace, (process.pid * MAX_LINKS + number) % NUM_SUBNETS, number)
    this.#links.push(link)
    await link.lay()
    return link
  }

  /** Programs in the namespaces must have ended. */
  async remove(): Promise<void> {
    for (const link of this.#links) await link.remove()
    for (const name of this.#namespaces.splice(0)) await ip('netns', 'delete', name)
  }

  #abandon(): void {
    for (const name of this.#namespaces) spawnSync(program(), ['netns', 'delete', name])
  }

  async #addNamespace(name: string): Promise<void> {
    await ip('netns', 'add', name)
    this.#namespaces.push(name)
    await ip('-n', name, 'link', 'set', 'lo', 'up')
  }
}

/** The end of a cable that is pulled: its side is told that the network is unreachable, the other side's packets vanish. */
export type Side = 'stage' | 'neighbour'

/** A cable between the stage and one neighbour. */
export class Link {
  readonly stage: Place
  readonly neighbour: Place
  readonly #devices: Readonly<Record<Side, string>>
  readonly #namespaces: Readonly<Record<Side, string | undefined>>

  /** @param namespace of the neighbour; undefined: that of this process */
  constructor(stageNamespace: string, namespace: string | undefined, subnet: number, number: number) {
    const at = (host: number): string =>
      `198.${18 + (subnet >> 14)}.${(subnet >> 6) & 255}.${((subnet & 63) << 2) + host}`
    this.#namespaces = { stage: stageNamespace, neighbour: namespace }
    this.#devices = { stage: `lns${process.pid}-${number}`, neighbour: `lnn${process.pid}-${number}` }
    this.stage = { host: at(1), prefix: prefixOf(stageNamespace) }
    this.neighbour = { host: at(2), prefix: prefixOf(namespace) }
  }

  async lay(): Promise<void> {
    const { stage, neighbour } = this.#devices
    await ip(...this.#on('stage'), 'link', 'add', stage, 'type', 'veth', 'peer', 'name', neighbour)
    const { neighbour: namespace } = this.#namespaces
    const owner = namespace ?? String(process.pid)
    await ip(...this.#on('stage'), 'link', 'set', neighbour, 'netns', owner)
    await ip(...this.#on('stage'), 'addr', 'add', `${this.stage.host}/30`, 'dev', stage)
    await ip(...this.#on('neighbour'), 'addr', 'add', `${this.neighbour.host}/30`, 'dev', neighbour)
    await this.#set('stage', 'up')
    await this.#set('neighbour', 'up')
  }

  cut(side: Side): Promise<void> {
    return this.#set(side, 'down')
  }

  mend(side: Side): Promise<void> {
    return this.#set(side, 'up')
  }

  /** A namespace goes only when its last socket has, and would take the cable along with it that late. */
  async remove(): Promise<void> {
    await ip(...this.#on('stage'), 'link', 'delete', this.#devices.stage).catch(() => {})
  }

  #on(side: Side): string[] {
    const namespace = this.#namespaces[side]
    return namespace === undefined ? [] : ['-n', namespace]
  }

  async #set(side: Side, state: 'up' | 'down'): Promise<void> {
    await ip(...this.#on(side), 'link', 'set', this.#devices[side], state)
  }
}

const prefixOf = (namespace: string | undefined): string[] =>
  namespace === undefined ? [] : [program(), 'netns', 'exec', namespace]

const program = (): string => findProgram('ip', 'LOGNEO_IP') ?? 'ip'

async function ip(...args: string[]): Promise<void> {
  await run(program(), args)
}
