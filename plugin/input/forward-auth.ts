import { randomBytes } from 'node:crypto'
import { arrayItems, isSameDigest, keyDigest, passwordDigest, rawText } from '../forward-auth.js'
import { PackWriter } from '../msgpack/write.js'
import type { Handshake, HandshakeExchange, HandshakeStep } from './forward-handshake.js'

/** Who may send. */
export interface ForwardAuth {
  readonly sharedKey: string
  /** Passwords by user name; none: the key alone suffices. */
  readonly users: ReadonlyMap<string, string>
  /** Our name in the handshake. */
  readonly selfHostname: string
}

const SALT_BYTES = 16
/** Compared with where there is no such user, so that the answer takes as long. */
const NO_USER_PASSWORD = randomBytes(SALT_BYTES).toString('hex')

/** What a PING says, each part as the bytes that came. */
interface Ping {
  readonly hostname: Buffer
  readonly salt: Buffer
  readonly keyDigest: Buffer
  readonly username: Buffer
  readonly passwordDigest: Buffer
}

/**
 * The Forward protocol's handshake: HELO with a nonce, PING with proofs of the shared key and the password, PONG with our own proof. The nonce
 * and the salt are new for each connection, so a recorded PING opens no other.
 */
export class SharedKeyHandshake implements Handshake {
  constructor(readonly auth: ForwardAuth) {}

  begin(): HandshakeExchange {
    return new SharedKeyExchange(this.auth, randomBytes(SALT_BYTES), randomBytes(SALT_BYTES))
  }
}

class SharedKeyExchange implements HandshakeExchange {
  readonly greeting: Buffer

  constructor(
    readonly auth: ForwardAuth,
    readonly nonce: Buffer,
    readonly userSalt: Buffer,
  ) {
    this.greeting = packHelo(nonce, auth.users.size > 0 ? userSalt : undefined)
  }

  receive(frame: Buffer): HandshakeStep {
    const ping = readPing(frame)
    if (ping === undefined) return { state: 'refused' }
    const { sharedKey, selfHostname } = this.auth
    const { salt, hostname } = ping
    const isKeyRight = isSameDigest(
      ping.keyDigest,
      keyDigest({ salt, hostname, nonce: this.nonce, sharedKey }),
    )
    // Both are always looked at, and the answer names one reason for both halves of a login.
    const isUserRight = this.#knows(ping)
    if (!isKeyRight) return this.#refuse('shared_key mismatch')
    if (!isUserRight) return this.#refuse('username/password mismatch')
    const own = Buffer.from(selfHostname)
    const proof = keyDigest({ salt, hostname: own, nonce: this.nonce, sharedKey })
    return { state: 'accepted', reply: packPong(true, '', selfHostname, proof) }
  }

  #knows({ username, passwordDigest: given }: Ping): boolean {
    const { users } = this.auth
    if (users.size === 0) return true
    const password = users.get(username.toString())
    const wanted = passwordDigest(this.userSalt, username, password ?? NO_USER_PASSWORD)
    return isSameDigest(given, wanted) && password !== undefined
  }

  #refuse(reason: string): HandshakeStep {
    return { state: 'refused', reply: packPong(false, reason, this.auth.selfHostname, Buffer.alloc(0)) }
  }
}

/** `["PING", host name, salt, key digest, user name, password digest]`; nothing when it is anything else. */
function readPing(frame: Buffer): Ping | undefined {
  const items = arrayItems(frame, 6, 6)?.map(at => rawText(frame, at))
  if (items?.[0]?.toString() !== 'PING') return undefined
  const [, hostname, salt, key, username, password] = items
  if (!hostname || !salt || !key || !username || !password) return undefined
  return { hostname, salt, keyDigest: key, username, passwordDigest: password }
}

/** `["HELO", {nonce, auth, keepalive}]`; `auth` is empty where no user is asked for. */
function packHelo(nonce: Buffer, userSalt: Buffer | undefined): Buffer {
  const writer = new PackWriter(128)
  writer.arrayHeader(2)
  writer.str('HELO')
  writer.mapHeader(3)
  writer.str('nonce')
  writer.bin(nonce)
  writer.str('auth')
  if (userSalt === undefined) writer.str('')
  else writer.bin(userSalt)
  writer.str('keepalive')
  writer.bool(true)
  return writer.take()
}

function packPong(isAccepted: boolean, reason: string, hostname: string, proof: Buffer): Buffer {
  const writer = new PackWriter(512)
  writer.arrayHeader(5)
  writer.str('PONG')
  writer.bool(isAccepted)
  writer.str(reason)
  writer.str(hostname)
  writer.str(proof.toString('latin1'))
  return writer.take()
}
