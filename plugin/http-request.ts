import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { PluginError } from './errors.js'

/** Thrown when a server gave no whole answer: it was not reached, too slow, or said too much. */
export class NoAnswerError extends PluginError {
  readonly code = 'ERR_HTTP_NO_ANSWER'
  readonly retriable = true
}

export interface HttpRequest {
  readonly method: string
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** How long the whole exchange may take, in milliseconds. */
  readonly timeoutMs: number
  /** Largest answer taken, in bytes. */
  readonly maxAnswerBytes: number
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface HttpClientOptions {
  /** Certificates to trust instead of the usual ones, PEM. */
  readonly ca?: string | undefined
  /** Connections at a time. */
  readonly maxConnections: number
}

/** Sends requests over connections that are kept. Follows no redirect, so that secrets only go where they were meant to. */
export class HttpClient {
  readonly #plain: HttpAgent
  readonly #tls: HttpsAgent

  constructor({ ca, maxConnections }: HttpClientOptions) {
    const kept = { keepAlive: true, maxSockets: maxConnections }
    this.#plain = new HttpAgent(kept)
    this.#tls = new HttpsAgent({ ...kept, ...(ca !== undefined && { ca }) })
  }

  /** @throws NoAnswerError */
  send(request: HttpRequest): Promise<HttpAnswer> {
    const { method, url, headers, body, timeoutMs, maxAnswerBytes } = request
    const isTls = url.protocol === 'https:'
    const signal = AbortSignal.timeout(timeoutMs)
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        const reason = signal.aborted ? `no answer came within ${timeoutMs} ms` : error.message
        reject(new NoAnswerError(`${url.host}: ${reason}`, { cause: error }))
      }
      const sent = (isTls ? requestHttps : requestHttp)(url, {
        method,
        signal,
        agent: isTls ? this.#tls : this.#plain,
        headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      })
      sent.on('error', fail)
      sent.on('response', answer => readAnswer(answer, maxAnswerBytes).then(resolve, fail))
      sent.end(body)
    })
  }

  /** Closes the connections. */
  close(): void {
    this.#plain.destroy()
    this.#tls.destroy()
  }
}

async function readAnswer(answer: IncomingMessage, maxBytes: number): Promise<HttpAnswer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxBytes) {
      answer.destroy()
      throw new Error(`the answer is over ${maxBytes} bytes`)
    }
    parts.push(part)
  }
  return { status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(parts).toString() }
}
