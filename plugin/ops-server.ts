import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { checkOptions, isInteger, isPresent, isText, withDefaults } from './check-options.js'

/** Whether something is as it should be now. */
export type ReadinessCheck = () => boolean | Promise<boolean>

export interface OpsServerOptions {
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** TCP port; 0 takes a free one. Default 9464. */
  readonly port?: number
  /** What must hold for the stage to be ready, by name: `model`, `inputs`, `outputs`. Default: nothing. */
  readonly checks?: Readonly<Record<string, ReadinessCheck>>
  /** The body of `/metrics`, in Prometheus' text format. Default: no metrics, 404. */
  readonly metrics?: () => Promise<string>
  /** Answers `POST /feedback`. Default: nobody does, 405. */
  readonly feedback?: ((request: IncomingMessage) => Promise<Answer>) | undefined
  /** How long a request may take to arrive, and the answer to be made, in milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number
  /** Connections held at a time; further ones are closed at once. Default 64. */
  readonly maxConnections?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
}

export const DEFAULT_OPS_SERVER_OPTIONS: Readonly<Required<Omit<OpsServerOptions, 'metrics' | 'feedback'>>> =
  Object.freeze({
    host: '127.0.0.1',
    port: 9464,
    checks: Object.freeze({}),
    requestTimeoutMs: 5000,
    maxConnections: 64,
    warn: () => {},
  })

const RULES = {
  host: isText,
  port: isInteger(0, 65_535),
  checks: isPresent,
  metrics: isPresent,
  feedback: isPresent,
  requestTimeoutMs: isInteger(1, 2 ** 31 - 1),
  maxConnections: isInteger(1),
  warn: isPresent,
}

const MAX_HEADER_BYTES = 8192
const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'

/** What a request is answered. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const NOT_FOUND: Answer = { status: 404, type: TEXT, body: 'not found; try /healthz, /readyz or /metrics\n' }
const NOT_ALLOWED: Answer = { status: 405, type: TEXT, body: 'only GET and HEAD\n' }
const BROKEN: Answer = { status: 500, type: TEXT, body: 'failed; the log says why\n' }

/** HTTP for those who watch over the stage: `/healthz`, `/readyz` and `/metrics`, which show no data and change nothing; `/feedback` if wanted. */
export class OpsServer {
  readonly #options: Required<Omit<OpsServerOptions, 'metrics' | 'feedback'>> &
    Pick<OpsServerOptions, 'metrics' | 'feedback'>
  readonly #server: Server

  /** @throws ConfigError that lists every option that is wrong */
  constructor(options: OpsServerOptions = {}) {
    checkOptions('ops', options, RULES)
    this.#options = withDefaults(DEFAULT_OPS_SERVER_OPTIONS, options)
    const { requestTimeoutMs, maxConnections } = this.#options
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 4),
      },
      (request, response) => void this.#respond(request, response),
    )
    this.#server.maxConnections = maxConnections
    this.#server.on('clientError', (_, socket) => refuse(socket as Socket))
  }

  /** @throws the error of the system when the address cannot be listened on */
  async listen(): Promise<AddressInfo> {
    this.#server.listen(this.#options.port, this.#options.host)
    await once(this.#server, 'listening')
    return this.#server.address() as AddressInfo
  }

  /** Stops listening and closes what is connected. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request).catch(error => {
      this.#options.warn(`${request.url} failed: ${error instanceof Error ? error.message : String(error)}`)
      return BROKEN
    })
    if (response.destroyed) return
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === NOT_ALLOWED.status && { allow: 'GET, HEAD' }),
      // What is left of a body that was refused is not read.
      ...(status >= 400 && !request.complete && { connection: 'close' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method, url = '' } = request
    const [path] = url.split('?', 1)
    const { feedback } = this.#options
    if (method === 'POST' && path === '/feedback' && feedback) return feedback(request)
    if (method !== 'GET' && method !== 'HEAD') return NOT_ALLOWED
    if (path === '/healthz') return { status: 200, type: TEXT, body: 'ok\n' }
    if (path === '/readyz') return this.#readiness()
    const { metrics } = this.#options
    if (path === '/metrics' && metrics) return { status: 200, type: PROMETHEUS, body: await metrics() }
    return NOT_FOUND
  }

  async #readiness(): Promise<Answer> {
    const { checks, requestTimeoutMs } = this.#options
    const results = await Promise.all(
      Object.entries(checks).map(
        async ([name, check]) => [name, await holds(check, requestTimeoutMs)] as const,
      ),
    )
    const ready = results.every(([, isTrue]) => isTrue)
    const body = `${JSON.stringify({ ready, checks: Object.fromEntries(results) })}\n`
    return { status: ready ? 200 : 503, type: JSON_TYPE, body }
  }
}

/** A check that throws or takes too long does not hold. */
async function holds(check: ReadinessCheck, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, timeoutMs, false)
  })
  try {
    return await Promise.race([check(), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

function refuse(socket: Socket): void {
  if (socket.writable)
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  else socket.destroy()
}
