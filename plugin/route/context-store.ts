import { LRUCache } from 'lru-cache'
import { Fifo } from '../fifo.js'

/** Sessions that records are held of, at most. */
const MAX_SESSIONS = 100_000
/** What a record takes beside its bytes, about. */
const OVERHEAD_BYTES = 128

/** A record that was left out, packed with its verdict. */
export interface LeftOut {
  /** Incoming tag. */
  readonly tag: string
  readonly bytes: Buffer
}

interface Held {
  readonly records: Fifo<LeftOut>
  bytes: number
}

/** The latest records of sessions that were left out, in case that an anomaly makes them its context. Bounded: the sessions longest silent go first. */
export class ContextStore {
  readonly #sessions: LRUCache<string, Held>
  #bytes = 0

  /**
   * @param maxRecords of a session
   * @param maxBytes of all sessions
   */
  constructor(
    readonly maxRecords: number,
    readonly maxBytes: number,
  ) {
    this.#sessions = new LRUCache({
      max: MAX_SESSIONS,
      dispose: ({ bytes }) => {
        this.#bytes -= bytes
      },
    })
  }

  /** Memory in use, about. */
  get bytes(): number {
    return this.#bytes
  }

  add(session: string, record: LeftOut): void {
    if (this.maxRecords === 0) return
    let held = this.#sessions.get(session)
    if (held === undefined) {
      held = { records: new Fifo(), bytes: 0 }
      this.#sessions.set(session, held)
    }
    held.records.push(record)
    this.#count(held, record, 1)
    if (held.records.length > this.maxRecords) this.#count(held, held.records.shift()!, -1)
    while (this.#bytes > this.maxBytes) this.#sessions.pop()
  }

  /** Takes out what is held of a session, the oldest first. */
  take(session: string): readonly LeftOut[] {
    const held = this.#sessions.peek(session)
    if (held === undefined) return []
    const records = held.records.drain()
    this.#sessions.delete(session)
    return records
  }

  #count(held: Held, { bytes }: LeftOut, sign: 1 | -1): void {
    const size = sign * (bytes.length + OVERHEAD_BYTES)
    held.bytes += size
    this.#bytes += size
  }
}
