import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { formatAddress, parseAddress, type SidecarAddress } from './address.js'
import { listenOn } from './listen.js'
import { type HostedModel, ModelHost, messageOf } from './model-host.js'
import {
  type ResolvedSidecarServerOptions,
  resolveServerOptions,
  type SidecarServerOptions,
} from './options.js'
import {
  errorReply,
  type HelloReply,
  type HelloRequest,
  PROTOCOL_VERSION,
  type Request,
  type ScoreRequest,
  type ServerCounts,
  type StatsReply,
  tokenFault,
} from './protocol.js'
import { type RequestHandler, ServerConnection } from './server-connection.js'

/** What a server is told to report, next to its counts. */
export interface ServerObserver {
  /** A batch was computed, or failed. */
  onBatch?(numEvents: number, seconds: number): void
  /** A score request was answered, or refused. */
  onScored?(seconds: number): void
}

/** The scorer as a local service: answers `hello`, `score` and `stats` of any number of clients, whose events it computes together. */
export class SidecarServer implements RequestHandler {
  readonly #options: ResolvedSidecarServerOptions
  readonly #observer: ServerObserver
  readonly #server: Server
  readonly #connections = new Set<ServerConnection>()
  readonly #counts = { requests: 0, events: 0, batches: 0, errors: 0, reloads: 0 }
  readonly #startedMs: number
  #host: ModelHost | undefined
  #address: SidecarAddress | undefined
  #stopping: Promise<void> | undefined

  /** @throws SidecarOptionsError that lists every option that is wrong */
  constructor(options: SidecarServerOptions, observer: ServerObserver = {}) {
    this.#options = resolveServerOptions(options)
    this.#observer = observer
    this.#startedMs = this.#options.now()
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#accept(socket))
    this.#server.maxConnections = this.#options.maxConnections
  }

  /**
   * Loads the model and listens.
   * @returns the address, with the port that was free where 0 was asked for
   * @throws BundleError, ProviderError or ScoringError when the model cannot be loaded, ListenError
   */
  async start(): Promise<string> {
    this.#host = await ModelHost.load(this.#options, {
      onBatch: (size, seconds) => this.#countBatch(size, seconds),
      onChange: model => this.#changed(model),
      mayOthersCome: () => this.#connections.size > 1,
    })
    try {
      this.#address = await listenOn(this.#server, parseAddress(this.#options.listen)!)
    } catch (error) {
      await this.#host.close()
      throw error
    }
    this.#server.on('error', error => this.#options.warn(`the listening socket failed: ${error.message}`))
    return formatAddress(this.#address)
  }

  /** Whether it takes requests. */
  get isReady(): boolean {
    return this.#address !== undefined && this.#stopping === undefined
  }

  /** Id of the bundle that answers; undefined before `start`. */
  get bundle(): string | undefined {
    return this.#host?.current.id
  }

  /** Connections held. */
  get numConnections(): number {
    return this.#connections.size
  }

  /** Events that wait or are being computed. */
  get numPending(): number {
    return this.#host?.current.batcher.numPending ?? 0
  }

  /** Prefixes remembered. */
  get numPrefixes(): number {
    return this.#host?.current.batcher.scorer.tree.size ?? 0
  }

  get counts(): ServerCounts {
    return this.#counts
  }

  /** Reads the model again; requests under way finish on the one before. @returns the bundle's id @throws BundleError, and the one before stays */
  async reload(): Promise<string> {
    return (await this.#host!.reload()).id
  }

  /** Stops: takes nothing more, answers what was taken, closes. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  onRequest(): void {
    this.#counts.requests++
  }

  onError(): void {
    this.#counts.errors++
  }

  async handle(request: Request): Promise<object> {
    if (request.op === 'hello') return this.#hello(request)
    return request.op === 'stats' ? this.#stats(request.id) : this.#score(request)
  }

  async #hello({ id, bundle }: HelloRequest): Promise<HelloReply> {
    const model = await this.#host!.find(bundle)
    const { maxRequestEvents, maxFrameBytes, version } = this.#options
    return {
      id,
      protocol: PROTOCOL_VERSION,
      server: version,
      bundle: model.id,
      vocabularySize: model.config.vocabularySize,
      contextLength: model.config.contextLength,
      maxEvents: maxRequestEvents,
      maxFrameBytes,
    }
  }

  async #score(request: ScoreRequest): Promise<object> {
    const { now } = this.#options
    const started = now()
    const reply = await this.#scoreNow(request)
    this.#observer.onScored?.((now() - started) / 1000)
    return reply
  }

  async #scoreNow(request: ScoreRequest): Promise<object> {
    const { id, bundle, prefixes } = request
    const model = this.#host!.current
    if (bundle !== undefined && bundle !== model.id)
      return errorReply(id, 'wrong_bundle', `the model ${model.id} is loaded, not ${bundle}: say hello again`)
    const fault = tokenFault(request, model.config)
    if (fault !== undefined) return errorReply(id, 'bad_request', fault)
    const { maxPendingEvents } = this.#options
    if (model.batcher.numPending + prefixes.length > maxPendingEvents)
      return errorReply(id, 'overloaded', `more than ${maxPendingEvents} events would wait: try again later`)
    try {
      const answers = await model.batcher.submit(request)
      this.#counts.events += prefixes.length
      return { id, bundle: model.id, ...answers }
    } catch (error) {
      this.#options.warn(`a batch failed: ${messageOf(error)}`)
      return errorReply(id, 'scoring_failed', `the model failed: ${messageOf(error)}`)
    }
  }

  #stats(id: number): StatsReply {
    return {
      id,
      bundle: this.#host!.current.id,
      uptimeSeconds: Math.round((this.#options.now() - this.#startedMs) / 1000),
      connections: this.numConnections,
      pendingEvents: this.numPending,
      prefixes: this.numPrefixes,
      ...this.#counts,
    }
  }

  #accept(socket: Socket): void {
    if (this.#stopping !== undefined) {
      socket.destroy()
      return
    }
    const connection: ServerConnection = new ServerConnection(socket, this.#options, this, () =>
      this.#connections.delete(connection),
    )
    this.#connections.add(connection)
  }

  #countBatch(numEvents: number, seconds: number): void {
    this.#counts.batches++
    this.#observer.onBatch?.(numEvents, seconds)
  }

  #changed({ id }: HostedModel): void {
    this.#counts.reloads++
    for (const connection of this.#connections) connection.notify({ op: 'bundle', bundle: id })
  }

  async #stop(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    if (closed !== undefined) this.#server.close()
    for (const connection of this.#connections) connection.stop()
    const patience = setTimeout(() => this.#destroyAll(), this.#options.stopTimeoutMs)
    await closed
    clearTimeout(patience)
    await this.#host?.close()
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}
