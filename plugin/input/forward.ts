import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { type ChunkHandler, type Counters, NO_COUNTERS } from '../chunk.js'
import { ChunkIds } from './chunk-ids.js'
import { SharedKeyHandshake } from './forward-auth.js'
import { InFlightBudget } from './forward-budget.js'
import { Gunzip } from './forward-gunzip.js'
import type { ForwardHost } from './forward-intake.js'
import { type Listener, makeListener } from './forward-listener.js'
import {
  type ForwardServerOptions,
  type ResolvedForwardServerOptions,
  resolveForwardServerOptions,
} from './forward-options.js'
import { ForwardSession } from './forward-session.js'
import { Unzstd } from './forward-unzstd.js'

/** How often timeouts are looked at, in milliseconds. */
const MAX_SWEEP_MS = 1000

/**
 * Takes chunks by the Fluent Forward protocol: all four modes, with metadata and acks, over TCP, TLS or a Unix socket,
 * from anybody or from those who prove a shared key.
 *
 * A chunk is acknowledged only after the handler resolved for it. When the handler rejects, the chunk is not
 * acknowledged and its connection is closed, whereupon the sender repeats it; repeated chunks are recognised by id and tag.
 */
export class ForwardServer {
  readonly #options: ResolvedForwardServerOptions
  readonly #host: ForwardHost
  readonly #listener: Listener
  /** Each connection, with the memory it held for its incomplete frame when it was last looked at. */
  readonly #sessions = new Map<ForwardSession, number>()
  #partialBytes = 0
  readonly #warned = new Set<string>()
  #sweep: NodeJS.Timeout | undefined

  /**
   * @param handler takes the chunks; called for those of one connection in order, without waiting for the one before
   * @param counters counts, each under `forward_…_total`: `connections`, `connections_refused`, `chunks`, `chunks_repeated`,
   *   `entries`, `entries_broken`, `acks`, `heartbeats`, `handler_failures`, `refused_loop`, `undecodable`,
   *   `broken_streams_invalid|too_deep|too_large|not_forward|unexpected`, `partial_timeouts`, `idle_timeouts`,
   *   `partial_memory_closes`, `frames_cut_off`, `closed_unfinished`, `handshakes_refused`, `handshake_timeouts`, `tls_errors`,
   *   `socket_errors`, `server_errors`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: ForwardServerOptions,
    handler: ChunkHandler,
    readonly counters: Counters = NO_COUNTERS,
  ) {
    this.#options = resolveForwardServerOptions(options)
    this.#host = this.#makeHost(handler)
    this.#listener = makeListener(this.#options, socket => this.#connected(socket), counters)
    // Such as too many open files: the connection fails, the server goes on.
    this.#listener.server.on('error', () => counters.increment('forward_server_errors_total'))
  }

  /** Connections held now. */
  get numConnections(): number {
    return this.#sessions.size
  }

  /** Bytes that the handler is busy with now. */
  get inFlightBytes(): number {
    return this.#host.budget.usedBytes
  }

  /** Memory held for frames that are still arriving. */
  get partialBytes(): number {
    return this.#partialBytes
  }

  /** Starts to listen. Rejects with the system's error when the address cannot be had. For a Unix socket the port is 0. */
  async listen(): Promise<AddressInfo> {
    const { host, port, path } = this.#options
    const { server } = this.#listener
    server.listen(path === undefined ? { host, port } : { path })
    await once(server, 'listening')
    const { partialTimeoutMs, handshakeTimeoutMs, lingerMs } = this.#options
    const sweepMs = Math.min(MAX_SWEEP_MS, partialTimeoutMs, handshakeTimeoutMs, lingerMs)
    this.#sweep = setInterval(() => this.#checkTimeouts(), sweepMs).unref()
    const address = server.address()
    return typeof address === 'object' && address !== null
      ? address
      : { address: address ?? '', family: 'unix', port: 0 }
  }

  /** Stops reading from all connections; what was read is still handled and acknowledged. */
  pause(): void {
    this.#host.flow.isPaused = true
    this.#updateFlow()
  }

  resume(): void {
    this.#host.flow.isPaused = false
    this.#updateFlow()
  }

  /**
   * Takes no more connections and reads no more, waits until the chunks that the handler has are done and acknowledged,
   * and closes. Connections still busy after `closeTimeoutMs` are cut off without acks.
   */
  async close(): Promise<void> {
    if (this.#sweep === undefined) return
    const { server } = this.#listener
    const closed = once(server, 'close')
    server.close()
    this.#listener.destroyPending()
    for (const session of this.#sessions.keys()) session.finish()
    const cutOff = setTimeout(() => this.#destroyAll(), this.#options.closeTimeoutMs)
    await closed
    clearTimeout(cutOff)
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  #makeHost(handler: ChunkHandler): ForwardHost {
    const options = withHandshake(this.#options)
    return {
      options,
      counters: this.counters,
      handler: async chunk => handler(chunk),
      chunkIds: new ChunkIds(options.maxChunkIds),
      budget: new InFlightBudget(options.maxTotalInFlightBytes),
      gunzip: new Gunzip(options.maxChunkBytes),
      unzstd: new Unzstd(options.maxChunkBytes),
      flow: { isPaused: false },
      warnOnce: (topic, message) => this.#warnOnce(topic, message),
    }
  }

  #connected(socket: Socket): void {
    if (this.#sessions.size >= this.#options.maxConnections) {
      this.counters.increment('forward_connections_refused_total')
      socket.destroy()
      return
    }
    this.counters.increment('forward_connections_total')
    const session = new ForwardSession(socket, this.#host)
    this.#sessions.set(session, 0)
    socket.on('data', () => this.#boundPartial(session))
    socket.once('close', () => this.#forget(session))
  }

  #forget(session: ForwardSession): void {
    this.#partialBytes -= this.#sessions.get(session) ?? 0
    this.#sessions.delete(session)
  }

  /** Keeps the memory for incomplete frames bounded: when there is too much, the connection that holds most has to go. */
  #boundPartial(session: ForwardSession): void {
    const before = this.#sessions.get(session)
    if (before === undefined) return
    this.#sessions.set(session, session.partialBytes)
    this.#partialBytes += session.partialBytes - before
    if (this.#partialBytes <= this.#options.maxTotalPartialBytes) return
    let largest = session
    for (const other of this.#sessions.keys()) if (other.partialBytes > largest.partialBytes) largest = other
    this.#forget(largest)
    largest.destroy('partial_memory_closes')
  }

  #checkTimeouts(): void {
    const now = this.#options.now()
    for (const session of this.#sessions.keys()) session.checkTimeouts(now)
  }

  #updateFlow(): void {
    for (const session of this.#sessions.keys()) session.updateFlow()
  }

  #destroyAll(): void {
    for (const session of this.#sessions.keys()) session.destroy('closed_unfinished')
  }

  #warnOnce(topic: string, message: string): void {
    if (this.#warned.has(topic)) return
    this.#warned.add(topic)
    this.#options.warn(message)
  }
}

/** Options whose handshake is the one of the shared key, where there is such a key. */
function withHandshake(options: ResolvedForwardServerOptions): ResolvedForwardServerOptions {
  const { sharedKey, users, selfHostname } = options
  if (sharedKey === undefined) return options
  const passwords = new Map(users.map(({ username, password }) => [username, password]))
  return { ...options, handshake: new SharedKeyHandshake({ sharedKey, users: passwords, selfHostname }) }
}
