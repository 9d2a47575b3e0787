import type { Socket } from 'node:net'
import { ProtocolError } from './errors.js'
import { decodeFrame, encodeFrame, FrameReader } from './frames.js'
import { messageOf } from './model-host.js'
import type { ResolvedSidecarServerOptions } from './options.js'
import {
  type BundleNotice,
  type ErrorReply,
  errorReply,
  type HelloRequest,
  isBad,
  PROTOCOL_VERSION,
  parseRequest,
  type Request,
} from './protocol.js'
import { isSameSecret } from './same-secret.js'

/** What answers requests. */
export interface RequestHandler {
  /** The reply to a request that is understood and allowed. Never rejects. */
  handle(request: Request): Promise<object>
  /** Told of each request, and of each reply that is an error. */
  onRequest(): void
  onError(): void
}

const MAX_TEXT_LENGTH = 1024

/** One client: frames in, replies out as they are ready. It is not read while too many of its requests are under way or it does not read replies. */
export class ServerConnection {
  readonly #socket: Socket
  readonly #reader: FrameReader
  #inFlight = 0
  #isAuthorized: boolean
  #isStopping = false
  #hasGivenUp = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    socket: Socket,
    readonly options: ResolvedSidecarServerOptions,
    readonly handler: RequestHandler,
    readonly onClose: () => void,
  ) {
    this.#socket = socket
    this.#reader = new FrameReader(options.maxFrameBytes)
    this.#isAuthorized = options.token === undefined
    if (!this.#isAuthorized) this.#limitTime()
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.on('data', data => this.#take(data))
    socket.on('drain', () => this.#throttle())
    // A client that has said all it wants still gets its replies.
    socket.on('end', () => this.stop())
    // What went wrong is told by the close that follows; a client that went away is no failure of ours.
    socket.on('error', () => {})
    socket.on('close', () => this.#closed())
  }

  /** Tells the client that another model answers from now on. */
  notify(notice: BundleNotice): void {
    if (this.#isAuthorized) this.#send(notice)
  }

  /** Takes no more requests, and closes once those under way are answered. */
  stop(): void {
    this.#isStopping = true
    this.#endIfDone()
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    try {
      for (const frame of this.#reader.push(data)) {
        this.#receive(frame)
        if (this.#hasGivenUp) return
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#giveUp(errorReply(null, 'bad_frame', error.message))
      return
    }
    this.#limitTime()
    this.#throttle()
  }

  #receive(frame: Buffer): void {
    this.handler.onRequest()
    const { maxRequestEvents } = this.options
    const request = parseRequest(decodeFrame(frame), {
      maxEvents: maxRequestEvents,
      maxTextLength: MAX_TEXT_LENGTH,
    })
    if (isBad(request)) this.#refuse(errorReply(request.id, request.code, request.message))
    else if (this.#isAllowed(request)) void this.#answer(request)
  }

  #isAllowed(request: Request): boolean {
    if (request.op === 'hello' && !this.#admit(request)) return false
    if (!this.#isAuthorized)
      this.#giveUp(errorReply(request.id, 'unauthorized', 'say hello with the token first'))
    else if (this.#isStopping) this.#refuse(errorReply(request.id, 'stopping', 'the sidecar is stopping'))
    else return true
    return false
  }

  /** Checks who says hello. */
  #admit({ id, protocol, token }: HelloRequest): boolean {
    if (protocol !== PROTOCOL_VERSION) {
      const message = `this sidecar speaks version ${PROTOCOL_VERSION} of the protocol, not ${protocol}: update the older of the two`
      this.#giveUp(errorReply(id, 'wrong_protocol', message))
      return false
    }
    const wanted = this.options.token
    if (wanted === undefined || isSameSecret(token ?? '', wanted)) {
      this.#isAuthorized = true
      return true
    }
    this.#giveUp(errorReply(id, 'unauthorized', 'the token is wrong: give the client that of the sidecar'))
    return false
  }

  async #answer(request: Request): Promise<void> {
    this.#inFlight++
    const reply = await this.handler.handle(request)
    this.#inFlight--
    if ('error' in reply) this.handler.onError()
    this.#send(reply)
    this.#throttle()
    this.#endIfDone()
  }

  #refuse(reply: ErrorReply): void {
    this.handler.onError()
    this.#send(reply)
  }

  /** Says why and closes: what comes after cannot be trusted. */
  #giveUp(reply: ErrorReply): void {
    this.#refuse(reply)
    this.#hasGivenUp = true
    this.#socket.pause().destroySoon()
  }

  #send(message: object): void {
    if (!this.#socket.writable) return
    try {
      this.#socket.write(encodeFrame(message))
    } catch (error) {
      this.options.warn(`a reply could not be written: ${messageOf(error)}`)
      this.#socket.destroy()
    }
  }

  #throttle(): void {
    const mustWait = this.#inFlight >= this.options.maxInFlight || this.#socket.writableNeedDrain
    if (mustWait !== this.#socket.isPaused()) {
      if (mustWait) this.#socket.pause()
      else this.#socket.resume()
    }
  }

  /** A frame that has begun, and a client that has not said the token, have so long. */
  #limitTime(): void {
    const isLate = this.#reader.isPartial || !this.#isAuthorized
    if (!isLate) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    } else {
      this.#timer ??= setTimeout(() => this.destroy(), this.options.frameTimeoutMs)
    }
  }

  #endIfDone(): void {
    if (this.#isStopping && this.#inFlight === 0) this.#socket.destroySoon()
  }

  #closed(): void {
    clearTimeout(this.#timer)
    this.onClose()
  }
}
