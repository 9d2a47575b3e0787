import { ClientConnection } from './client-connection.js'
import { RefusedError, UnavailableError } from './errors.js'
import {
  type ResolvedSidecarClientOptions,
  resolveClientOptions,
  type SidecarClientOptions,
  type SidecarState,
} from './options.js'
import { type HelloReply, PROTOCOL_VERSION, type ScoreReply, type ScoreRequest } from './protocol.js'
import { checkHello, checkScores } from './reply.js'

/**
 * A client that keeps itself connected: it says hello for its bundle, asks again where the sidecar has another, and connects again, waiting
 * longer each time, where it is away. While it is not ready requests fail at once, so that nobody waits for a sidecar that is not there.
 */
export class SidecarClient {
  readonly #options: ResolvedSidecarClientOptions
  #connection: ClientConnection | undefined
  #hello: HelloReply | undefined
  #state: SidecarState = 'away'
  #detail = 'not connected yet'
  #told: { readonly state: SidecarState; readonly bundle: string | undefined } | undefined
  #numFailures = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** Whether this connection's end was a refusal. */
  #isRefused = false
  #settled: (() => void)[] = []

  /** @param bundle id of the model that must answer @throws SidecarOptionsError that lists every option that is wrong */
  constructor(
    options: SidecarClientOptions,
    readonly bundle: string,
  ) {
    this.#options = resolveClientOptions(options)
    this.#connect()
  }

  get state(): SidecarState {
    return this.#state
  }

  /** What the sidecar said of itself, while it is ready. */
  get hello(): HelloReply | undefined {
    return this.#state === 'ready' ? this.#hello : undefined
  }

  /** Resolves when the first attempt to say hello has succeeded or failed. */
  firstAttempt(): Promise<void> {
    if (this.#state !== 'away' || this.#numFailures > 0) return Promise.resolve()
    return new Promise(resolve => this.#settled.push(resolve))
  }

  /** @throws UnavailableError while the sidecar is not ready or gives no answer, RefusedError when it refuses */
  async score(request: Pick<ScoreRequest, 'prefixes' | 'observed' | 'top'>): Promise<ScoreReply> {
    const connection = this.#connection
    const { address, maxInFlight } = this.#options
    if (this.#state !== 'ready' || connection === undefined)
      throw new UnavailableError(`the sidecar at ${address} is not ready: ${this.#detail}`)
    if (connection.numPending >= maxInFlight)
      throw new UnavailableError(`${maxInFlight} requests to the sidecar are under way already`)
    try {
      const { prefixes, observed, top = 0 } = request
      const fields = { op: 'score', bundle: this.bundle, prefixes, observed, top }
      return checkScores(await connection.request(fields), observed.length)
    } catch (error) {
      if (error instanceof RefusedError && error.reason === 'wrong_bundle') void this.#sayHello(connection)
      throw error
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#connection?.end('the client was closed')
    this.#settle()
  }

  #connect(): void {
    this.#isRefused = false
    const connection: ClientConnection = new ClientConnection(this.#options, {
      onConnect: () => void this.#sayHello(connection),
      onBundle: bundle => this.#heard(connection, bundle),
      onEnd: reason => this.#ended(connection, reason),
    })
    this.#connection = connection
  }

  async #sayHello(connection: ClientConnection): Promise<void> {
    const { name, token } = this.#options
    try {
      const reply = await connection.request({
        op: 'hello',
        protocol: PROTOCOL_VERSION,
        client: name,
        bundle: this.bundle,
        ...(token !== undefined && { token }),
      })
      if (connection === this.#connection) this.#greeted(connection, checkHello(reply))
    } catch (error) {
      if (error instanceof RefusedError) this.#refused(connection, error)
      else connection.end((error as Error).message)
    }
  }

  #greeted(connection: ClientConnection, hello: HelloReply): void {
    this.#hello = hello
    this.#numFailures = 0
    if (hello.bundle === this.bundle)
      this.#become('ready', `${hello.server} has the model ${hello.bundle}`, hello.bundle)
    else this.#mismatch(connection, hello.bundle)
    this.#settle()
  }

  #heard(connection: ClientConnection, bundle: string): void {
    if (connection !== this.#connection || this.#isClosed) return
    if (bundle === this.bundle) void this.#sayHello(connection)
    else this.#mismatch(connection, bundle)
  }

  /** Asks again now and then: the sidecar may get our model. */
  #mismatch(connection: ClientConnection, bundle: string): void {
    this.#become(
      'mismatch',
      `it has the model ${bundle}, here it is ${this.bundle}: give both the same bundle and send SIGHUP to the older`,
      bundle,
    )
    this.#options.onOtherBundle(bundle)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#sayHello(connection), this.#options.retryMaxMs)
  }

  /** One that may succeed later is no refusal: it is stopping. */
  #refused(connection: ClientConnection, { message, retriable }: RefusedError): void {
    this.#isRefused = !retriable
    if (!retriable) this.#become('refused', message)
    connection.end(message)
  }

  #ended(connection: ClientConnection, reason: string): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    if (!this.#isRefused) this.#become('away', reason)
    this.#timer = setTimeout(() => this.#connect(), this.#nextWaitMs())
    this.#settle()
  }

  /** Doubles, and differs from client to client, so that not all come at once to a sidecar that has just started. */
  #nextWaitMs(): number {
    const { retryMinMs, retryMaxMs, random } = this.#options
    const longest = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#numFailures++, 30))
    return longest * (0.5 + 0.5 * random())
  }

  #become(state: SidecarState, detail: string, bundle?: string): void {
    this.#state = state
    this.#detail = detail
    if (state === this.#told?.state && bundle === this.#told.bundle) return
    this.#told = { state, bundle }
    this.#options.onState(state, detail, bundle)
  }

  #settle(): void {
    for (const resolve of this.#settled.splice(0)) resolve()
  }
}
