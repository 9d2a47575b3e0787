import { randomBytes } from 'node:crypto'
import { arrayItems, isSameDigest, keyDigest, passwordDigest, rawText } from '../forward-auth.js'
import { findField } from '../msgpack/field.js'
import { NOT_FOUND, readMapHeader } from '../msgpack/header.js'
import { PackWriter } from '../msgpack/write.js'

/** Who we are to receivers that ask. */
export interface LoginOptions {
  readonly sharedKey: string
  /** Our name in the handshake. */
  readonly selfHostname: string
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** What became of a frame of the receiver: it has to be answered, we are in, or it is over, with the reason. */
export type LoginStep =
  | { readonly state: 'answer'; readonly reply: Buffer }
  | { readonly state: 'accepted' }
  | { readonly state: 'failed'; readonly reason: string }

const SALT_BYTES = 16
const NONCE = [Buffer.from('nonce')]
const AUTH = [Buffer.from('auth')]
const TRUE = 0xc3

/** The client's part of the Forward protocol's handshake, for one connection: HELO is answered by PING, and PONG must prove the key as well. */
export class Login {
  /** Hexadecimal, which receivers that decode texts understand too. */
  readonly #salt = Buffer.from(randomBytes(SALT_BYTES).toString('hex'))
  #nonce: Buffer | undefined
  #mayWantUser = false

  constructor(readonly options: LoginOptions) {}

  receive(frame: Buffer): LoginStep {
    return this.#nonce === undefined ? this.#answerHelo(frame) : this.#checkPong(frame, this.#nonce)
  }

  /** `["HELO", {nonce, auth, keepalive}]` */
  #answerHelo(frame: Buffer): LoginStep {
    const [name, settings = NOT_FOUND] = arrayItems(frame, 2, 2) ?? []
    const isHelo = name !== undefined && rawText(frame, name)?.toString() === 'HELO'
    const nonce =
      isHelo && readMapHeader(frame, settings) >= 0
        ? rawText(frame, findField(frame, settings, frame.length, NONCE))
        : undefined
    if (nonce === undefined)
      return failed('the receiver does not begin with HELO: is it set to a shared key?')
    const auth = rawText(frame, findField(frame, settings, frame.length, AUTH))
    this.#nonce = Buffer.from(nonce)
    // Fluent Bit sends a salt for users even where it knows none, so who has no name goes on without.
    this.#mayWantUser = auth !== undefined && auth.length > 0
    const hasUser = this.#mayWantUser && this.options.username !== undefined
    return { state: 'answer', reply: this.#packPing(nonce, hasUser ? auth : undefined) }
  }

  /** `["PING", host name, salt, key digest, user name, password digest]` */
  #packPing(nonce: Buffer, userSalt: Buffer | undefined): Buffer {
    const { sharedKey, selfHostname, username = '', password = '' } = this.options
    const hostname = Buffer.from(selfHostname)
    const writer = new PackWriter(1024)
    writer.arrayHeader(6)
    writer.str('PING')
    writer.str(selfHostname)
    writer.str(this.#salt.toString())
    writer.str(keyDigest({ salt: this.#salt, hostname, nonce, sharedKey }).toString())
    writer.str(userSalt ? username : '')
    writer.str(userSalt ? passwordDigest(userSalt, Buffer.from(username), password).toString() : '')
    return writer.take()
  }

  /** `["PONG", whether we are in, why not, the receiver's host name, its key digest]` */
  #checkPong(frame: Buffer, nonce: Buffer): LoginStep {
    const items = arrayItems(frame, 5, 5)
    if (items === undefined || rawText(frame, items[0]!)?.toString() !== 'PONG')
      return failed('the receiver does not answer PING with PONG: it does not speak the Forward protocol')
    const [, isAccepted, why, host, proof] = items as [number, number, number, number, number]
    if (frame[isAccepted] !== TRUE) {
      const reason = printable(rawText(frame, why)?.toString() ?? '')
      const wanted =
        this.#mayWantUser && this.options.username === undefined
          ? 'set username and password of this output, if it asks for a user, and check shared_key'
          : 'check shared_key, username and password'
      return failed(`the receiver refuses us (${reason}): ${wanted}`)
    }
    const hostname = rawText(frame, host) ?? Buffer.alloc(0)
    const { sharedKey } = this.options
    const wanted = keyDigest({ salt: this.#salt, hostname, nonce, sharedKey })
    const given = rawText(frame, proof) ?? Buffer.alloc(0)
    return isSameDigest(given, wanted)
      ? { state: 'accepted' }
      : failed('the receiver does not know the shared key: is it the right one?')
  }
}

const failed = (reason: string): LoginStep => ({ state: 'failed', reason })

const MAX_SHOWN = 200

/** What a stranger says, fit for a log line. */
const printable = (text: string): string => text.slice(0, MAX_SHOWN).replace(/[^\x20-\x7e]/g, '?')
