import { z } from 'zod'

/** A session to learn from. */
export const replaySessionSchema = z.object({
  id: z.string(),
  /** Ids of its lines' templates. */
  keys: z.array(z.string()).min(1),
  /** Whether its end was seen. */
  ended: z.boolean(),
  /** Whether nothing of it is missing. */
  isWhole: z.boolean(),
})

export type ReplaySession = z.infer<typeof replaySessionSchema>

/** Of a session, next to its text, in bytes. */
const OVERHEAD = 200
const REFERENCE = 8

/** The latest sessions in bounded memory; the oldest make room. */
export class ReplayBuffer {
  readonly #sessions: ReplaySession[] = []
  #first = 0
  #bytes = 0
  /** Each id once, however many sessions hold it. */
  readonly #texts = new Map<string, string>()

  constructor(readonly maxBytes: number) {}

  get size(): number {
    return this.#sessions.length - this.#first
  }

  get bytes(): number {
    return this.#bytes
  }

  add(session: ReplaySession): void {
    const keys = session.keys.map(key => this.#text(key))
    this.#sessions.push({ ...session, keys })
    this.#bytes += bytesOf(session)
    while (this.#bytes > this.maxBytes && this.size > 1)
      this.#bytes -= bytesOf(this.#sessions[this.#first++]!)
    if (this.#first * 2 > this.#sessions.length) this.#first -= this.#sessions.splice(0, this.#first).length
  }

  /** The oldest first. */
  sessions(): ReplaySession[] {
    return this.#sessions.slice(this.#first)
  }

  #text(key: string): string {
    const known = this.#texts.get(key)
    if (known === undefined) this.#texts.set(key, key)
    return known ?? key
  }
}

function bytesOf({ id, keys }: ReplaySession): number {
  return OVERHEAD + 2 * id.length + REFERENCE * keys.length
}
