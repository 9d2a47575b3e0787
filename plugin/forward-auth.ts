import { createHash, timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import { bodyStart, NOT_FOUND, readArrayHeader, textLength, textStart } from './msgpack/header.js'
import { skip } from './msgpack/scan.js'

/*
 * What both ends of the Forward protocol's handshake compute. Salts and nonces are random bytes, often inside a msgpack str: they are hashed as
 * bytes, since text decoded from them would differ.
 */

/** Longest text of a handshake in bytes: host names, user names, salts, digests. */
const MAX_PART_BYTES = 4096

/** What proves that somebody knows the shared key. */
export interface KeyProof {
  /** Chosen by the client. */
  readonly salt: Uint8Array
  /** Of whom proves it. */
  readonly hostname: Uint8Array
  /** Chosen by the server. */
  readonly nonce: Uint8Array
  readonly sharedKey: string
}

/** Hexadecimal SHA-512 of the parts one after the other. */
function hexDigest(parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return Buffer.from(hash.digest('hex'))
}

export function keyDigest({ salt, hostname, nonce, sharedKey }: KeyProof): Buffer {
  return hexDigest([salt, hostname, nonce, sharedKey])
}

/** Proof of a password. @param salt chosen by the server */
export function passwordDigest(salt: Uint8Array, username: Uint8Array, password: string): Buffer {
  return hexDigest([salt, username, password])
}

/** Whether two digests are equal, in a time that does not tell where they differ. */
export function isSameDigest(given: Uint8Array, wanted: Uint8Array): boolean {
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/**
 * Our name in a handshake. It differs from the host's own: Fluentd refuses peers that bear its name, and it often runs on the same host.
 */
export function defaultSelfHostname(): string {
  return `${hostname()}-logneo`
}

/** Positions of the items of the array that `frame` is; nothing when it is no array of `min` to `max` items. */
export function arrayItems(frame: Buffer, min: number, max: number): number[] | undefined {
  const count = readArrayHeader(frame, 0)
  if (count < min || count > max) return undefined
  const items: number[] = []
  let at = bodyStart(frame, 0)
  for (let i = 0; i < count; i++) {
    items.push(at)
    at = skip(frame, at, frame.length)
  }
  return items
}

/** The bytes of the str or bin at `at`; nothing when it is neither, or too long for a handshake. */
export function rawText(frame: Buffer, at: number): Buffer | undefined {
  if (at === NOT_FOUND) return undefined
  const start = textStart(frame, at)
  if (start < 0 || textLength(frame, at) > MAX_PART_BYTES) return undefined
  return frame.subarray(start, start + textLength(frame, at))
}
