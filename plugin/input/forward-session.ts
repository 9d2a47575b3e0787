import type { Socket } from 'node:net'
import type { Chunk, ChunkHandler, Counters } from '../chunk.js'
import { BadFrameError, BrokenStreamError } from '../errors.js'
import { FrameReader } from '../msgpack/frame-reader.js'
import { readArrayHeader } from '../msgpack/header.js'
import type { ChunkIds } from './chunk-ids.js'
import type { InFlightBudget } from './forward-budget.js'
import {
  checkFrame,
  type ForwardFrame,
  type FrameEntries,
  frameAck,
  frameChunkId,
  frameEntries,
  frameTag,
  packedEntries,
  parseFrame,
} from './forward-frame.js'
import type { Gunzip } from './forward-gunzip.js'
import type { HandshakeExchange } from './forward-handshake.js'
import type { ResolvedForwardServerOptions } from './forward-options.js'

/** Acks that a client has not fetched yet before reading from it stops. */
const MAX_ACK_BACKLOG_BYTES = 256 * 1024

const NIL = 0xc0

/** What the connections of one server share. */
export interface ForwardHost {
  readonly options: ResolvedForwardServerOptions
  readonly handler: ChunkHandler
  readonly counters: Counters
  readonly chunkIds: ChunkIds
  readonly budget: InFlightBudget
  readonly gunzip: Gunzip
  readonly isPaused: boolean
  /** Says something to the person who runs this, each `topic` once. */
  warnOnce(topic: string, message: string): void
}

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
  readonly #queue: Buffer[] = []
  #isPumping = false
  #inFlightBytes = 0
  #inFlightChunks = 0
  #isFinishing = false
  #lastActivity: number
  /** Since when a frame has been incomplete, while we were reading. */
  #partialSince: number | undefined
  #finishingSince = 0

  constructor(
    readonly socket: Socket,
    readonly host: ForwardHost,
  ) {
    const { options } = host
    this.source = `forward ${socket.remoteAddress ?? 'unix'}:${socket.remotePort ?? ''}`
    this.#reader = new FrameReader(options.maxFrameBytes)
    this.#exchange = options.handshake?.begin(socket.remoteAddress ?? '')
    this.#isOpen = this.#exchange === undefined
    this.#lastActivity = options.now()
    socket.on('data', data => this.#read(data))
    socket.on('drain', this.#updateFlow)
    socket.on('end', () => this.finish())
    socket.on('error', () => this.#count('socket_errors'))
    socket.on('close', () => host.budget.forget(this.#updateFlow))
    if (this.#exchange) socket.write(this.#exchange.greeting)
    this.#updateFlow()
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
    this.#finishingSince = this.host.options.now()
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
    const { partialTimeoutMs, idleTimeoutMs, lingerMs } = this.host.options
    if (this.isBusy) return
    if (this.#isFinishing) {
      if (now - this.#finishingSince > lingerMs) this.socket.destroy()
    } else if (this.#partialSince !== undefined && now - this.#partialSince > partialTimeoutMs) {
      this.destroy('partial_timeouts')
    } else if (idleTimeoutMs > 0 && now - this.#lastActivity > idleTimeoutMs) {
      this.destroy('idle_timeouts')
    }
  }

  /** Stops or resumes reading, as what is in flight demands. An arrow function as it is handed out as a listener. */
  readonly #updateFlow = (): void => {
    if (this.#isFinishing || this.socket.destroyed) return
    if (this.host.budget.isFull) this.host.budget.onRoom(this.#updateFlow)
    if (this.#mustWait()) {
      this.socket.pause()
      // The client cannot finish its frame while we do not read.
      this.#partialSince = undefined
    } else if (this.socket.isPaused() || this.socket.readableFlowing === null) {
      this.#lastActivity = this.host.options.now()
      if (this.#reader.isPartial) this.#partialSince = this.#lastActivity
      this.socket.resume()
    }
  }

  /** As `#updateFlow`, for the server's own reasons. */
  updateFlow(): void {
    this.#updateFlow()
  }

  #mustWait(): boolean {
    const { options, budget, isPaused } = this.host
    return (
      isPaused ||
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
    } catch (error) {
      if (!(error instanceof BrokenStreamError)) throw error
      this.#breakOff(error, data)
      return
    }
    if (this.#reader.isPartial) this.#partialSince ??= this.#lastActivity
    this.#updateFlow()
  }

  /** The place in the stream is lost: nothing after it can be read. */
  #breakOff(error: BrokenStreamError, data: Buffer): void {
    this.#count(`broken_streams_${error.fault}`)
    this.host.warnOnce(error.fault, `${this.source}: ${error.message}`)
    void this.host.options.deadLetter?.write(this.source, error.message, data)
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
      this.#hold(frame.length)
      this.#inFlightChunks++
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

  /** Gives the frames in the queue to the handler, one after the other; only unpacking is waited for. */
  async #pump(): Promise<void> {
    this.#isPumping = true
    for (let frame = this.#queue.shift(); frame !== undefined; frame = this.#queue.shift()) {
      await this.#process(frame)
    }
    this.#isPumping = false
  }

  async #process(frame: Buffer): Promise<void> {
    let parsed: ForwardFrame | undefined
    try {
      parsed = parseFrame(frame)
      checkFrame(parsed)
      const tag = frameTag(parsed)
      if (this.#isOwn(tag)) this.#settle(parsed, frame.length, this.#refuseLoop(tag))
      else if (parsed.mode === 'CompressedPackedForward') await this.#unpack(parsed, tag)
      else this.#deliver(parsed, tag, frameEntries(parsed, this.host.options.maxChunkEntries), frame.length)
    } catch (error) {
      if (!(error instanceof BadFrameError)) throw error
      this.#settle(parsed, frame.length, this.#bury(error.message, frame))
    }
  }

  async #unpack(parsed: ForwardFrame, tag: string): Promise<void> {
    const { gunzip, options } = this.host
    const unpacked = await gunzip.unpack(parsed.frame.subarray(parsed.bodyStart, parsed.bodyEnd))
    const found = packedEntries(unpacked, 0, unpacked.length, options.maxChunkEntries)
    this.#hold(unpacked.length)
    this.#deliver(parsed, tag, found, parsed.frame.length + unpacked.length)
    this.#updateFlow()
  }

  #deliver(parsed: ForwardFrame, tag: string, found: FrameEntries, heldBytes: number): void {
    const chunkId = frameChunkId(parsed)
    const chunk: Chunk = {
      tag,
      ...(chunkId === undefined ? {} : { chunkId }),
      entries: found.entries,
      source: this.source,
    }
    this.#settle(parsed, heldBytes, this.#handle(chunk, found))
  }

  async #handle(chunk: Chunk, { numBroken, rest }: FrameEntries): Promise<void> {
    const { handler, chunkIds } = this.host
    const handle = async (): Promise<void> => {
      this.#count('chunks')
      this.#count('entries', chunk.entries.count)
      if (numBroken > 0) this.#count('entries_broken', numBroken)
      if (chunk.entries.count > 0) await handler(chunk)
      if (rest) await this.#bury('the rest of the chunk is not msgpack', rest)
    }
    if (chunk.chunkId === undefined) await handle()
    else if ((await chunkIds.admit(chunk.tag, chunk.chunkId, handle)) === 'repeated')
      this.#count('chunks_repeated')
  }

  #isOwn(tag: string): boolean {
    const { ownTagPrefix } = this.host.options
    return ownTagPrefix !== '' && tag.startsWith(ownTagPrefix)
  }

  /** Dropped and acknowledged: to refuse it would make the sender repeat it, to take it would multiply it. */
  async #refuseLoop(tag: string): Promise<void> {
    this.#count('refused_loop')
    this.host.warnOnce(
      'loop',
      `${this.source}: chunks with the tag ${tag} are our own output and are dropped: do not route them back here`,
    )
  }

  async #bury(reason: string, bytes: Buffer): Promise<void> {
    this.#count('undecodable')
    this.host.warnOnce('undecodable', `${this.source}: a chunk cannot be decoded: ${reason}`)
    await this.host.options.deadLetter?.write(this.source, reason, bytes)
  }

  /** Waits for `work` on a chunk beside everything else, then acknowledges it or lets the client send it again. */
  #settle(parsed: ForwardFrame | undefined, heldBytes: number, work: Promise<void>): void {
    const ack = parsed && frameAck(parsed)
    work
      .then(
        () => ack && this.#acknowledge(ack),
        (error: unknown) => this.#fail(error, ack !== undefined),
      )
      .finally(() => {
        this.#inFlightChunks--
        this.#hold(-heldBytes)
        this.#updateFlow()
        if (this.#isFinishing) this.#endWhenDone()
      })
  }

  #acknowledge(ack: Buffer): void {
    if (!this.socket.writable) return
    this.socket.write(ack)
    this.#count('acks')
  }

  /**
   * Senders such as Fluent Bit wait for an ack for ever as long as the connection stands, so it is closed, once the
   * chunks beside it have had their acks; the sender then repeats what had none.
   */
  #fail(error: unknown, wantsAck: boolean): void {
    this.#count('handler_failures')
    const reason = error instanceof Error ? error.message : String(error)
    this.host.warnOnce(
      'handler',
      `${this.source}: a chunk was not accepted and waits for its sender: ${reason}`,
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

  #count(what: string, by?: number): void {
    this.host.counters.increment(`forward_${what}_total`, by)
  }
}
