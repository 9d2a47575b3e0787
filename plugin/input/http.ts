import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { isBearer } from '../bearer.js'
import type { Chunk, ChunkHandler, Counters } from '../chunk.js'
import { BadFrameError, UnpackedTooLargeError } from '../errors.js'
import { MIN_TLS_VERSION, readTlsFiles } from '../tls-files.js'
import { ChunkIds } from './chunk-ids.js'
import { InFlightBudget } from './forward-budget.js'
import { Gunzip } from './forward-gunzip.js'
import { Unzstd } from './forward-unzstd.js'
import { decompress, HttpFault, noRoom, readBody } from './http-body.js'
import {
  type HttpInputOptions,
  type ResolvedHttpInputOptions,
  resolveHttpInputOptions,
} from './http-options.js'
import { bodyFormat, bodyRecords } from './http-records.js'
import { requestChunkId, requestTag } from './http-request.js'
import type { Input } from './input.js'

const MAX_HEADER_BYTES = 16 * 1024
/** How often connections that have become idle are closed while the input closes. */
const CLOSE_IDLE_MS = 50
/** How long a sender may take for the handshake of TLS; Node would wait for two minutes. */
const TLS_HANDSHAKE_MS = 10_000
/** How long a sender that was refused may go on sending what nobody reads. */
const LINGER_MS = 2000

/**
 * Takes records over HTTP: `POST /` or `POST /TAG` with JSON, lines or msgpack, gzip or zstd or plain. The answer is 200 only once every output has
 * the records; 429 and 503 ask to send again, any other status says that this request will never be taken.
 */
export class HttpInput implements Input {
  readonly #options: ResolvedHttpInputOptions
  readonly #server: Server
  readonly #chunkIds: ChunkIds
  readonly #budget: InFlightBudget
  readonly #gunzip: Gunzip
  readonly #unzstd: Unzstd
  #isClosing = false
  #address: AddressInfo | undefined
  #hasWarned = false

  /**
   * @param ownTagPrefix tags that begin with it are our own output come back, and are refused; empty: none are
   * @param counters counts, each under `http_…_total`: `requests`, `records`, `refused` by status, `chunks_repeated`, `handler_failures`,
   *   `connections_refused`
   * @throws ConfigError that lists every option that is wrong
   */
  constructor(
    options: HttpInputOptions,
    readonly handler: ChunkHandler,
    readonly ownTagPrefix: string,
    readonly counters: Counters,
  ) {
    this.#options = resolveHttpInputOptions(options)
    const { maxChunkIds, maxInFlightBytes, maxChunkBytes } = this.#options
    this.#chunkIds = new ChunkIds(maxChunkIds)
    this.#budget = new InFlightBudget(maxInFlightBytes)
    this.#gunzip = new Gunzip(maxChunkBytes)
    this.#unzstd = new Unzstd(maxChunkBytes)
    this.#server = this.#makeServer()
  }

  get name(): string {
    const { host, port, tls } = this.#options
    return `${tls ? 'https' : 'http'} ${this.#address?.address ?? host}:${this.#address?.port ?? port}`
  }

  /** Where it listens, once it does. */
  get address(): AddressInfo | undefined {
    return this.#address
  }

  /** Bytes of bodies that are arriving or with the handler. */
  get inFlightBytes(): number {
    return this.#budget.usedBytes
  }

  async start(): Promise<void> {
    const { host, port } = this.#options
    this.#server.listen({ host, port })
    await once(this.#server, 'listening')
    this.#address = this.#server.address() as AddressInfo
  }

  /** Takes no more requests, waits until those with the handler are answered, at most `closeTimeoutMs`, and closes. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#isClosing = true
    const closed = once(this.#server, 'close')
    this.#server.close()
    // A connection may have been busy until just now.
    const idle = setInterval(() => this.#server.closeIdleConnections(), CLOSE_IDLE_MS)
    const cutOff = setTimeout(() => this.#server.closeAllConnections(), this.#options.closeTimeoutMs)
    await closed
    clearInterval(idle)
    clearTimeout(cutOff)
  }

  #makeServer(): Server {
    const { tls, requestTimeoutMs, idleTimeoutMs, maxConnections } = this.#options
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(requestTimeoutMs / 4)),
    }
    const respond = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#respond(request, response)
    }
    const server = tls
      ? createTlsServer({ ...limits, ...tlsOptions(tls, requestTimeoutMs) }, respond)
      : createServer(limits, respond)
    server.maxConnections = maxConnections
    server.on('drop', () => this.counters.increment('http_connections_refused_total'))
    server.on('clientError', (_, socket) => refuse(socket as Socket))
    if (tls) server.on('tlsClientError', (_, socket) => socket.destroy())
    return server
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.increment('http_requests_total')
    let held = 0
    const hold = (bytes: number): void => {
      held += bytes
      this.#budget.take(bytes)
    }
    try {
      const numRecords = await this.#take(request, hold)
      this.#answer(request, response, 200, { records: numRecords })
    } catch (error) {
      const fault = this.#faultOf(error)
      this.#countRefused(fault.status)
      this.#answer(request, response, fault.status, { error: fault.message })
    } finally {
      this.#budget.release(held)
    }
  }

  /** @returns how many records there were, once they are delivered */
  async #take(request: IncomingMessage, hold: (bytes: number) => void): Promise<number> {
    const { token, maxBodyBytes, timeFields, maxRecords, now } = this.#options
    if (token !== undefined && !isBearer(request.headers.authorization, token))
      throw new HttpFault(401, 'the token is missing or wrong: send Authorization: Bearer TOKEN')
    if (request.method !== 'POST' && request.method !== 'PUT')
      throw new HttpFault(405, 'send records by POST')
    if (this.#isClosing) throw new HttpFault(503, 'we are stopping: send it again')
    const tag = requestTag(request, this.#options, this.ownTagPrefix)
    const chunkId = requestChunkId(request)
    if (this.#budget.isFull) throw noRoom()
    const packed = await readBody(request, { maxBodyBytes, budget: this.#budget }, hold)
    const encoding = request.headers['content-encoding'] ?? ''
    const body = await decompress(packed, encoding, { gunzip: this.#gunzip, unzstd: this.#unzstd })
    // Others may have filled it since.
    if (this.#budget.isFull && this.#budget.usedBytes > packed.length) throw noRoom()
    hold(body.length)
    const format = bodyFormat(request.headers['content-type'])
    const entries = await bodyRecords(body, format, { timeFields, maxRecords, nowMs: now() })
    const { remoteAddress, remotePort } = request.socket
    const source = `http ${remoteAddress}:${remotePort}`
    await this.#handle({ tag, entries, source, ...(chunkId !== undefined && { chunkId }) })
    return entries.count
  }

  async #handle(chunk: Chunk): Promise<void> {
    const handleNow = async (): Promise<void> => {
      this.counters.increment('http_records_total', chunk.entries.count)
      if (chunk.entries.count > 0) await this.handler(chunk)
    }
    try {
      if (chunk.chunkId === undefined) return await handleNow()
      const admission = await this.#chunkIds.admit(chunk.tag, chunk.chunkId, handleNow)
      if (admission === 'repeated') this.counters.increment('http_chunks_repeated_total')
    } catch (error) {
      this.counters.increment('http_handler_failures_total')
      this.#warn(
        `${chunk.source}: records were not accepted, their sender has to repeat them: ${String(error)}`,
      )
      throw new HttpFault(503, 'an output did not take the records: send them again')
    }
  }

  #faultOf(error: unknown): HttpFault {
    if (error instanceof HttpFault) return error
    if (error instanceof UnpackedTooLargeError) return new HttpFault(413, error.message)
    if (error instanceof BadFrameError) return new HttpFault(400, error.message)
    this.#warn(`http: a request failed: ${error instanceof Error ? error.message : String(error)}`)
    return new HttpFault(500, 'failed; the log says why')
  }

  #answer(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
    if (response.destroyed) return
    const text = `${JSON.stringify(body)}\n`
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'x-content-type-options': 'nosniff',
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(status === 405 && { allow: 'POST, PUT' }),
      ...((status === 429 || status === 503) && { 'retry-after': String(this.#options.retryAfterSeconds) }),
      ...(this.#isClosing && { connection: 'close' }),
    })
    response.end(text)
    if (!request.complete) lingerOver(request)
  }

  #countRefused(status: number): void {
    const labels = { status: String(status) }
    if (this.counters.labelled) this.counters.labelled('http_refused_total', labels)
    else this.counters.increment('http_refused_total')
  }

  #warn(message: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.warn(message)
  }
}

function tlsOptions(tls: NonNullable<HttpInputOptions['tls']>, requestTimeoutMs: number) {
  const isClientAsked = tls.requireClientCertificate ?? false
  return {
    ...readTlsFiles('http.tls', tls),
    minVersion: MIN_TLS_VERSION,
    handshakeTimeout: Math.min(TLS_HANDSHAKE_MS, requestTimeoutMs),
    requestCert: isClientAsked,
    rejectUnauthorized: isClientAsked,
  }
}

/** Throws away what a refused sender still sends, for a while. */
function lingerOver(request: IncomingMessage): void {
  request.resume()
  const cutOff = setTimeout(() => request.socket.destroy(), LINGER_MS).unref()
  const stop = (): void => clearTimeout(cutOff)
  request.once('end', stop)
  request.once('close', stop)
}

function refuse(socket: Socket): void {
  if (socket.writable)
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  else socket.destroy()
}
