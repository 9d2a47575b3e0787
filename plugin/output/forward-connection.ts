import type { Socket } from 'node:net'
import { decodeValue } from '../msgpack/decode.js'
import { FrameReader } from '../msgpack/frame-reader.js'
import { Login, type LoginOptions } from './forward-login.js'
import { openSocket, type Target } from './forward-socket.js'

/** Replies are acks, a few dozen bytes each. */
const MAX_REPLY_BYTES = 64 * 1024

/** How a connection comes to be. */
export interface ConnectionOptions extends Target {
  /** For connecting, TLS and login together. */
  readonly connectTimeoutMs: number
  /** Missing where the receiver asks nobody who they are. */
  readonly login?: LoginOptions | undefined
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  opened(): void
  acknowledged(chunkId: string): void
  /** There is room again after `write` answered false. */
  drained(): void
  /** The connection is gone, or never came to be. Said once; nothing is said after it. */
  failed(reason: string): void
}

/** One connection to a receiver. It lives once: after a failure a new one is made. */
export class ForwardConnection {
  readonly #socket: Socket
  /** Until we are let in. */
  #login: Login | undefined
  readonly #reader = new FrameReader(MAX_REPLY_BYTES)
  readonly #deadline: NodeJS.Timeout
  #isOpen = false
  #isOver = false

  constructor(
    options: ConnectionOptions,
    readonly events: ConnectionEvents,
  ) {
    const { connectTimeoutMs, login } = options
    this.#login = login && new Login(login)
    const socket = openSocket(options, () => this.#login ?? this.#opened())
    this.#socket = socket
    this.#deadline = setTimeout(
      () => this.fail(`no connection within ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    )
    socket.on('data', data => this.#read(data))
    socket.on('drain', () => this.#isOver || events.drained())
    socket.on('end', () => this.fail('the receiver closed the connection'))
    socket.on('error', error => this.fail(error.message))
    socket.on('close', () => this.fail('the connection was closed'))
  }

  /** Whether it ever came to be. */
  get wasOpen(): boolean {
    return this.#isOpen
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isOver
  }

  /** Whether more may be written now without piling up in memory. */
  get hasRoom(): boolean {
    return !this.#socket.writableNeedDrain
  }

  /** Writes the pieces of one frame; `written` is called once the system has taken them. */
  write(pieces: readonly Buffer[], written: () => void): void {
    const socket = this.#socket
    // Frames that are written together leave together.
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i]!)
    socket.write(pieces.at(-1)!, error => {
      if (!error) written()
    })
  }

  /** Gives the connection up and says so. */
  fail(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#deadline)
    this.#socket.destroy()
    this.events.failed(reason)
  }

  /** Closes the connection without saying so, after what was written has left. */
  end(): void {
    this.#isOver = true
    clearTimeout(this.#deadline)
    this.#socket.destroySoon()
  }

  #opened(): void {
    clearTimeout(this.#deadline)
    this.#isOpen = true
    this.events.opened()
  }

  #read(data: Buffer): void {
    if (this.#isOver) return
    try {
      this.#reader.push(data, frame => this.#reply(frame))
    } catch {
      this.fail('the receiver answers something that is not the Forward protocol: check its address')
    }
  }

  #reply(frame: Buffer): void {
    if (this.#isOver) return
    if (this.#login !== undefined) this.#continueLogin(this.#login, frame)
    else this.#acknowledge(frame)
  }

  #continueLogin(login: Login, frame: Buffer): void {
    const step = login.receive(frame)
    if (step.state === 'failed') this.fail(step.reason)
    else if (step.state === 'answer') this.#socket.write(step.reply)
    else {
      this.#login = undefined
      this.#opened()
    }
  }

  #acknowledge(frame: Buffer): void {
    const reply = decodeValue(frame, 0, frame.length)
    if (Array.isArray(reply) && reply[0] === 'HELO') {
      this.fail('the receiver asks for a shared key, which this output does not have: set shared_key')
    } else if (
      typeof reply === 'object' &&
      reply !== null &&
      'ack' in reply &&
      typeof reply.ack === 'string'
    ) {
      this.events.acknowledged(reply.ack)
    }
  }
}
