import type { Socket } from 'node:net'
import { BrokenStreamError } from '../errors.js'
import { Fifo } from '../fifo.js'
import { FrameReader } from '../msgpack/frame-reader.js'
import { readArrayHeader } from '../msgpack/header.js'
import type { HandshakeExchange } from './forward-handshake.js'
import { type ForwardHost, type Intake, messageOf, takeFrame } from './forward-intake.js'

/** Acks that a client has not fetched yet before reading from it stops. */
const MAX_ACK_BACKLOG_BYTES = 256 * 1024

const NIL = 0xc0

/** Memory a connection may hold for a frame before its handshake is done, in bytes. */
const MAX_HANDSHAKE_BYTES = 64 * 1024

/**
 * One connection: cuts it into frames, hands their chunks to the handler in order without waiting for the one before, and
 * acknowledges each when it is done. Nothing that happens here leaves the connection.
 */
export class ForwardSession {
  readonly source: string
  readonly #reader: FrameReader
  readonly #exchange: HandshakeExchange | undefined
  #isOpen: boolean
  /** Frames read and not yet given to the handler. */
  readonly #queue = new Fifo<Buffer>()
  #isPumping = false
  #inFlightBytes = 0
  #inFlightChunks = 0
  #isFinishing = false
  #finishingSince = 0
  #lastActivity: number
  readonly #connectedAt: number
  /** Since when a frame has been incomplete, while we were reading. */
  #partialSince: number | undefined

  constructor(
    readonly socket: Socket,
    readonly host: ForwardHost,
  ) {
    const { options } = host
    const { remoteAddress: address, remotePort: port } = socket
    this.source = address === undefined ? 'forward unix' : `forward ${address}:${port}`
    this.#reader = new FrameReader(options.maxFrameBytes)
    this.#exchange = options.handshake?.begin(address ?? '')
    this.#isOpen = this.#exchange === undefined
    this.#lastActivity = options.now()
    this.#connectedAt = this.#lastActivity
    socket.on('data', data => this.#read(data))
    socket.on('drain', this.updateFlow)
    socket.on('end', () => this.#clientEnded())
    socket.on('error', () => this.#count('socket_errors'))
    socket.on('close', () => host.budget.forget(this.updateFlow))
    if (this.#exchange) socket.write(this.#exchange.greeting)
    this.updateFlow()
  }

  /** Memory held for a frame that is still arriving. */
  get partialBytes(): number {
    return this.#reader.heldBytes
  }

  /** Whether chunks of this connection are with the handler, or about to be. */
  get isBusy(): boolean {
    return this.#inFlightChunks > 0
  }

  /** Reads no more; once what was read is handled and acknowledged, closes the connection. */
  finish(): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    this.socket.pause()
    this.#endWhenDone()
  }

  /** Closes at once, without the acks that are still due. */
  destroy(reason: string): void {
    this.#count(reason)
    this.socket.destroy()
  }

  /** Closes the connection if it has been idle, or busy with one frame, for too long. */
  checkTimeouts(now: number): void {
    const { partialTimeoutMs, idleTimeoutMs, handshakeTimeoutMs, lingerMs } = this.host.options
    if (this.isBusy) return
    if (this.#isFinishing) {
      if (now - this.#finishingSince > lingerMs) this.socket.destroy()
    } else if (!this.#isOpen) {
      if (now - this.#connectedAt > handshakeTimeoutMs) this.destroy('handshake_timeouts')
    } else if (this.#mustWait()) {
      this.#lastActivity = now
    } else if (this.#partialSince !== undefined && now - this.#partialSince > partialTimeoutMs) {
      this.destroy('partial_timeouts')
    } else if (idleTimeoutMs > 0 && now - this.#lastActivity > idleTimeoutMs) {
      this.destroy('idle_timeouts')
    }
  }

  #clientEnded(): void {
    if (!this.#isFinishing && this.#reader.isPartial) this.#count('frames_cut_off')
    this.finish()
  }

  /** Stops or resumes reading, as what is in flight demands. An arrow function as it is handed out as a listener. */
  readonly updateFlow = (): void => {
    if (this.#isFinishing || this.socket.destroyed) return
    if (this.host.budget.isFull) this.host.budget.onRoom(this.updateFlow)
    if (this.#mustWait()) {
      this.socket.pause()
      // The client cannot finish its frame while we do not read.
      this.#partialSince = undefined
    } else if (this.socket.isPaused()) {
      this.#lastActivity = this.host.options.now()
      if (this.#reader.isPartial) this.#partialSince = this.#lastActivity
      this.socket.resume()
    }
  }

  #mustWait(): boolean {
    const { options, budget, flow } = this.host
    return (
      flow.isPaused ||
      budget.isFull ||
      this.#inFlightBytes >= options.maxInFlightBytes ||
      this.#inFlightChunks >= options.maxInFlightChunks ||
      this.socket.writableLength >= MAX_ACK_BACKLOG_BYTES
    )
  }

  #read(data: Buffer): void {
    if (this.#isFinishing) return
    this.#lastActivity = this.host.options.now()
    try {
      this.#reader.push(data, frame => this.#take(frame))
      if (!this.#isOpen && this.#reader.heldBytes > MAX_HANDSHAKE_BYTES)
        throw new BrokenStreamError('too_large', 'what comes before the handshake is too long for one')
    } catch (error) {
      this.#breakOff(error, data)
      return
    }
    if (this.#reader.isPartial) this.#partialSince ??= this.#lastActivity
    this.updateFlow()
  }

  /** The place in the stream is lost: nothing after it can be read. */
  #breakOff(error: unknown, data: Buffer): void {
    const fault = error instanceof BrokenStreamError ? error.fault : 'unexpected'
    const reason = messageOf(error)
    this.#count(`broken_streams_${fault}`)
    this.host.warnOnce(fault, `${this.source}: ${reason}`)
    void this.host.options.deadLetter?.write(this.source, reason, data)
    this.#reader.drop()
    this.finish()
  }

  #take(frame: Buffer): void {
    this.#partialSince = undefined
    if (this.#isFinishing) return
    if (!this.#isOpen) this.#shakeHands(frame)
    else if (frame[0] === NIL) this.#count('heartbeats')
    else if (readArrayHeader(frame, 0) < 0) {
      throw new BrokenStreamError(
        'not_forward',
        'the bytes are not the Forward protocol: send that to this port',
      )
    } else {
      this.#inFlightChunks++
      this.#hold(frame.length)
      this.#queue.push(frame)
      if (!this.#isPumping) void this.#pump()
    }
  }

  #shakeHands(frame: Buffer): void {
    const { state, reply } = this.#exchange!.receive(frame)
    if (reply) this.socket.write(reply)
    if (state === 'accepted') this.#isOpen = true
    else if (state === 'refused') {
      this.#count('handshakes_refused')
      this.finish()
    }
  }

  /** Gives the frames in the queue to the handler, one after the other. */
  async #pump(): Promise<void> {
    this.#isPumping = true
    for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) {
      const intake = await takeFrame(this.host, this.source, frame)
      this.#settle(intake, frame.length)
    }
    this.#isPumping = false
  }

  /** Waits for the work on a chunk beside everything else, then acknowledges it or lets the client send it again. */
  #settle({ ack, unpackedBytes, work }: Intake, frameBytes: number): void {
    this.#hold(unpackedBytes)
    if (unpackedBytes > 0) this.updateFlow()
    work
      .then(
        () => ack && this.#acknowledge(ack),
        (error: unknown) => this.#fail(error, ack !== undefined),
      )
      .finally(() => {
        this.#inFlightChunks--
        this.#lastActivity = this.host.options.now()
        this.#hold(-unpackedBytes - frameBytes)
        this.updateFlow()
        if (this.#isFinishing) this.#endWhenDone()
      })
  }

  #acknowledge(ack: Buffer): void {
    if (!this.socket.writable) return
    // Acks that come due together leave together.
    if (this.socket.writableCorked === 0) {
      this.socket.cork()
      process.nextTick(() => this.socket.uncork())
    }
    this.socket.write(ack)
    this.#count('acks')
  }

  /**
   * Senders such as Fluent Bit wait for an ack for ever as long as the connection stands, so it is closed, once the
   * chunks beside it have had their acks; the sender then repeats what had none.
   */
  #fail(error: unknown, wantsAck: boolean): void {
    this.#count('handler_failures')
    this.host.warnOnce(
      'handler',
      `${this.source}: a chunk was not accepted, its sender has to repeat it: ${messageOf(error)}`,
    )
    if (wantsAck) this.finish()
  }

  #hold(bytes: number): void {
    this.#inFlightBytes += bytes
    if (bytes > 0) this.host.budget.take(bytes)
    else this.host.budget.release(-bytes)
  }

  #endWhenDone(): void {
    if (this.isBusy || this.socket.destroyed) return
    this.#finishingSince = this.host.options.now()
    this.socket.end()
    // What the client still sends is read and thrown away: closing on unread bytes would reset the connection and could
    // take the last acks with it.
    this.socket.resume()
  }

  #count(what: string): void {
    this.host.counters.increment(`forward_${what}_total`)
  }
}
