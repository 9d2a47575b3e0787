import { connect, type Socket } from 'node:net'
import { parseAddress, socketOptions } from './address.js'
import { ProtocolError, RefusedError, UnavailableError } from './errors.js'
import { decodeFrame, encodeFrame, FrameReader } from './frames.js'
import type { ResolvedSidecarClientOptions } from './options.js'
import { type ErrorReply, isMap } from './protocol.js'

type Message = Readonly<Record<string, unknown>>

interface Pending {
  readonly resolve: (reply: Message) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export interface ConnectionEvents {
  onConnect(): void
  /** Another model answers from now on. */
  onBundle(bundle: string): void
  /** Nothing comes over this connection any more; told once. */
  onEnd(reason: string): void
}

/** One connection to a sidecar: pipelines requests and gives each its reply. The first request that gets none in time ends it, as all behind it would wait too. */
export class ClientConnection {
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #hasEnded = false

  constructor(
    readonly options: ResolvedSidecarClientOptions,
    readonly events: ConnectionEvents,
  ) {
    this.#reader = new FrameReader(options.maxFrameBytes)
    const socket = connect(socketOptions(parseAddress(options.address)!))
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.setTimeout(options.timeoutMs, () => this.#endIfConnecting())
    socket.on('connect', () => {
      socket.setTimeout(0)
      events.onConnect()
    })
    socket.on('data', data => this.#take(data))
    socket.on('error', error => this.end(error.message))
    socket.on('close', () => this.end('it closed the connection'))
  }

  /** Requests under way. */
  get numPending(): number {
    return this.#pending.size
  }

  /** @throws UnavailableError when no answer comes, RefusedError when it is an error */
  request(fields: object): Promise<Message> {
    if (this.#hasEnded) return Promise.reject(new UnavailableError('the connection has ended'))
    const { timeoutMs } = this.options
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      const timer = setTimeout(() => this.end(`it gave no answer within ${timeoutMs} ms`), timeoutMs)
      this.#pending.set(id, { resolve, reject, timer })
      this.#socket.write(encodeFrame({ id, ...fields }))
    })
  }

  /** Ends the connection; what is under way fails. */
  end(reason: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#socket.destroy()
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(new UnavailableError(`the sidecar at ${this.options.address} was lost: ${reason}`))
    }
    this.#pending.clear()
    this.events.onEnd(reason)
  }

  #endIfConnecting(): void {
    this.end(`no connection within ${this.options.timeoutMs} ms`)
  }

  #take(data: Buffer): void {
    try {
      for (const frame of this.#reader.push(data)) this.#receive(decodeFrame(frame))
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.end(`it does not speak this protocol: ${error.message}`)
    }
  }

  #receive(message: unknown): void {
    if (!isMap(message)) throw new ProtocolError('a message is not a map')
    const { id, op, bundle } = message
    if (typeof id === 'number') this.#settle(id, message)
    else if (op === 'bundle' && typeof bundle === 'string') this.events.onBundle(bundle)
    else if (message.error !== undefined) this.end(refusal(message).message)
  }

  #settle(id: number, message: Message): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (message.error === undefined) pending.resolve(message)
    else pending.reject(refusal(message))
  }
}

function refusal(message: Message): RefusedError {
  const error = (isMap(message.error) ? message.error : {}) as Partial<ErrorReply['error']>
  return new RefusedError(String(error.code), String(error.message), error.retriable === true)
}
