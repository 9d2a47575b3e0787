import { connect } from 'node:net'
import { Client, type ClientHooks, ConnectionLost, ServerError } from './client.js'
import type { Entry } from './ledger.js'
import { type Random, sleep } from './random.js'
import { PRODUCTS, ROLES, type Role, type World } from './world.js'

/** Thrown by a fault that has taken a connection over and finished it. */
export class Interrupted extends Error {}

/** One piece of ordinary or faulty work: usually one session, sometimes two that meet. */
export type Flow = (visit: Visit) => Promise<void>

/** What a fault does with the connection in the middle of ordinary work. */
export interface Interruption {
  /** Label of the session once it is struck. */
  readonly fault: string
  /** Whether to strike before this statement. */
  when(client: Client): boolean
  /** Strikes; the session's flow stops afterwards. */
  strike(client: Client): Promise<void>
}

export interface VisitOptions {
  /** Label of all sessions that this visit opens, for faults that are in the work itself. */
  readonly fault?: string
  readonly interruption?: Interruption
}

export interface OpenOptions {
  readonly database?: string
  readonly password?: string
  readonly user?: string
  /** SQLSTATE of a refusal that the client brings on itself. */
  readonly refusal?: string
  /** Bounds of the pause before each statement, milliseconds. */
  readonly think?: readonly [number, number]
}

/** Opens the sessions of one flow and enters them in the ledger. */
export class Visit {
  readonly #entries: Entry[] = []
  readonly #clients: Client[] = []

  constructor(
    readonly world: World,
    readonly flow: string,
    readonly rng: Random,
    readonly options: VisitOptions = {},
  ) {}

  async open(role: Role, options: OpenOptions = {}): Promise<Client> {
    const entry = this.enter()
    const { database, applicationName } = ROLES[role]
    const login = {
      user: options.user ?? role,
      password: options.password ?? this.world.passwords[role],
      database: options.database ?? database,
      applicationName,
    }
    const opening = Client.open(this.world.port, login, this.#hooks(entry, options))
    const client = await opening
    entry.pid = client.pid
    this.#clients.push(client)
    return client
  }

  /** A ledger entry for a connection that is not an ordinary client. */
  enter(): Entry {
    const entry = this.world.ledger.add(this.flow, this.options.fault)
    this.#entries.push(entry)
    return entry
  }

  /** Cancels what `client` runs, over a connection of its own. */
  async cancel(client: Client): Promise<void> {
    const entry = this.enter()
    await client.cancel(port => {
      entry.port = port
    })
    entry.isOpen = false
  }

  /** Opens a TCP connection, writes `bytes` if any, and closes it, as probes and scanners do. */
  async rawConnection(bytes?: Buffer): Promise<void> {
    const entry = this.enter()
    const socket = connect({ host: '127.0.0.1', port: this.world.port })
    socket.on('error', () => {})
    socket.resume()
    await new Promise<void>(resolve => {
      socket.on('connect', () => {
        entry.port = socket.localPort!
        if (bytes) socket.write(bytes)
        else socket.end()
      })
      socket.on('close', () => resolve())
    })
    entry.isOpen = false
  }

  /** Runs `work` after all earlier work of this name is over. */
  async inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.world.turns.get(name) ?? Promise.resolve()).then(work)
    this.world.turns.set(
      name,
      turn.catch(() => {}),
    )
    await turn
  }

  /**
   * A product of the shop to change. Every tenth is left to faulty sessions, which may hold its row for long, so that
   * no ordinary session waits for them.
   */
  product(): number {
    const isFaulty = this.options.fault !== undefined || this.options.interruption !== undefined
    const tens = this.rng.int(0, PRODUCTS.web[1] / 10 - 1) * 10
    return tens + (isFaulty ? 10 : this.rng.int(1, 9))
  }

  pause(low: number, high: number): Promise<void> {
    return sleep(this.rng.int(low, high))
  }

  async run(flow: Flow): Promise<void> {
    try {
      await flow(this)
    } catch (error) {
      const isFault =
        error instanceof ServerError || error instanceof ConnectionLost || error instanceof Interrupted
      if (!isFault) this.world.ledger.unexplained.push(`${this.flow}: ${error}`)
    }
    await Promise.all(this.#clients.map(client => client.end()))
    for (const entry of this.#entries) entry.isOpen = false
  }

  #hooks(entry: Entry, { refusal, think: [low, high] = [4, 45] }: OpenOptions): ClientHooks {
    const interruption = this.options.interruption
    return {
      onPort: port => {
        entry.port = port
      },
      onTrouble: sign => {
        if (sign !== refusal) this.world.ledger.trouble(this.#entries, sign)
      },
      onClosed: () => {
        entry.isOpen = false
      },
      beforeStatement: async client => {
        await this.pause(low, high)
        if (!interruption?.when(client)) return
        entry.fault = interruption.fault
        await interruption.strike(client)
        throw new Interrupted()
      },
    }
  }
}
