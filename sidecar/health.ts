import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatEndpoint } from './address.js'
import { ListenError } from './errors.js'

export interface HealthOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Whether requests for scores are taken now. */
  readonly isReady: () => boolean
  /** The body of `/metrics`, in Prometheus' text format. */
  readonly metrics: () => Promise<string>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const TEXT = 'text/plain; charset=utf-8'
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'
const MAX_HEADER_BYTES = 8192
const MAX_CONNECTIONS = 64
const TIMEOUT_MS = 5000

/** HTTP for those who watch over a sidecar: `/healthz`, `/readyz`, `/metrics`. It shows no data and changes nothing. */
export class HealthServer {
  readonly #server: Server

  constructor(readonly options: HealthOptions) {
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: TIMEOUT_MS,
        requestTimeout: TIMEOUT_MS,
        keepAliveTimeout: TIMEOUT_MS,
        connectionsCheckingInterval: TIMEOUT_MS / 4,
      },
      (request, response) => void this.#respond(request, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  /** @returns `HOST:PORT` @throws ListenError */
  async listen(): Promise<string> {
    const { host, port } = this.options
    const listening = once(this.#server, 'listening')
    this.#server.listen(port, host)
    await listening.catch((cause: Error) => {
      throw new ListenError(
        `cannot listen on ${formatEndpoint(host, port)}: ${cause.message}; choose another --health`,
        cause,
      )
    })
    return formatEndpoint(host, (this.#server.address() as AddressInfo).port)
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
    const { status, type, body } = await this.#answer(request).catch(
      (error: Error): Answer => ({ status: 500, type: TEXT, body: `failed: ${error.message}\n` }),
    )
    if (response.destroyed) return
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      // What is left of a body is not read.
      ...(!request.complete && { connection: 'close' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #answer({ method, url = '' }: IncomingMessage): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: TEXT, body: 'only GET and HEAD\n' }
    const [path] = url.split('?', 1)
    if (path === '/healthz') return { status: 200, type: TEXT, body: 'ok\n' }
    if (path === '/readyz') return this.#readiness()
    if (path === '/metrics') return { status: 200, type: PROMETHEUS, body: await this.options.metrics() }
    return { status: 404, type: TEXT, body: 'not found; try /healthz, /readyz or /metrics\n' }
  }

  #readiness(): Answer {
    return this.options.isReady()
      ? { status: 200, type: TEXT, body: 'ready\n' }
      : { status: 503, type: TEXT, body: 'not ready: the model is loading, or the sidecar is stopping\n' }
  }
}
