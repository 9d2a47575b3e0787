import { createHash } from 'node:crypto'
import { SESSION_FORMAT } from './session-codec.js'

/** What stands in keys as it is: ids that people can read, and digests, by which all others stand there. */
const MEMBER = /^(?:[\w.-]{1,64}|#[\w-]{43})$/

/**
 * Names of all that stages of one model share in Redis. The bundle's id is the hash tag, so that a cluster keeps it on one node: scripts change
 * several keys at once.
 */
export class RedisKeys {
  readonly due: string
  readonly touched: string
  readonly clocks: string
  readonly seq: string
  readonly outbox: string
  /** A session's key less its member, a chunk's less its name. */
  readonly sessions: string
  readonly chunks: string
  /** A log's key less its name: there are its pieces, by the positions of their last and first lines. */
  readonly logs: string

  constructor(
    readonly prefix: string,
    readonly bundleId: string,
  ) {
    const base = `${prefix}:{${bundleId}}:${SESSION_FORMAT}:`
    this.due = `${base}due`
    this.touched = `${base}touched`
    this.clocks = `${base}clocks`
    this.seq = `${base}seq`
    this.outbox = `${base}outbox`
    this.sessions = `${base}s:`
    this.chunks = `${base}c:`
    this.logs = `${base}l:`
  }

  /** What stands for a session id, or the name of a chunk, in keys. What stands there already stands for itself. */
  static member(id: string): string {
    return MEMBER.test(id) ? id : `#${createHash('sha256').update(id).digest('base64url')}`
  }
}
