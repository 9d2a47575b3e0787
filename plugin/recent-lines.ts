import { LRUCache } from 'lru-cache'

/** Lines kept of a session. */
const MAX_LINES = 5
/** Sessions whose last lines are kept; those longest without a line are forgotten first. */
const MAX_SESSIONS = 10_000
/** Characters kept of a line. */
const MAX_LENGTH = 400

/** The last lines of each session, to show what came before a flagged one. */
export class RecentLines {
  readonly #sessions = new LRUCache<string, string[]>({ max: MAX_SESSIONS })

  /** The lines before the next one, oldest first. */
  before(session: string): readonly string[] {
    return [...(this.#sessions.peek(session) ?? [])]
  }

  add(session: string, line: string): void {
    const lines = this.#sessions.get(session)
    if (lines === undefined) {
      this.#sessions.set(session, [cut(line)])
      return
    }
    lines.push(cut(line))
    if (lines.length > MAX_LINES) lines.shift()
  }

  /** Takes the lines of a session that closed. */
  take(session: string): readonly string[] {
    const lines = this.#sessions.peek(session) ?? []
    this.#sessions.delete(session)
    return lines
  }
}

/** A slice would keep the whole long line in memory: this is a copy. */
const cut = (line: string): string =>
  line.length <= MAX_LENGTH ? line : `${Buffer.from(line.slice(0, MAX_LENGTH)).toString()}...`
