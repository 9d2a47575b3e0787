import { EntryIndex, type PackedEntries } from '../chunk.js'
import { PackWriter } from '../msgpack/write.js'

/** Where records go together. */
export interface Destination {
  /** Outgoing tag. */
  readonly tag: string
  /** Kinds of the outputs; undefined: all. */
  readonly to?: ReadonlySet<string> | undefined
}

/** Packed records, with the session of each. */
export interface Outgoing {
  readonly entries: PackedEntries
  readonly sessions: readonly (string | undefined)[]
}

/** Records on their way to one destination. */
export interface Lane extends Destination, Outgoing {}

const INITIAL_BYTES = 4096

interface OpenLane extends Destination {
  readonly writer: PackWriter
  readonly ends: number[]
  readonly sessions: (string | undefined)[]
}

/** Sorts the records of one chunk into lanes; in each they keep their order. */
export class Lanes {
  readonly #lanes: OpenLane[] = []

  /** Adds a packed record of a session. */
  add(destination: Destination, bytes: Uint8Array, session: string | undefined): void {
    const lane = this.#find(destination)
    lane.writer.raw(bytes, 0, bytes.length)
    lane.ends.push(lane.writer.length)
    lane.sessions.push(session)
  }

  finish(): Lane[] {
    return this.#lanes.map(({ tag, to, writer, ends, sessions }) => ({
      tag,
      to,
      entries: entriesEndingAt(writer.take(), ends),
      sessions,
    }))
  }

  #find({ tag, to }: Destination): OpenLane {
    // There are as many as rules and tags: one or two.
    const found = this.#lanes.find(lane => lane.tag === tag && lane.to === to)
    if (found !== undefined) return found
    const lane = { tag, to, writer: new PackWriter(INITIAL_BYTES), ends: [], sessions: [] }
    this.#lanes.push(lane)
    return lane
  }
}

/** Entries that end at `ends`, one after the other from the beginning of `buffer`. */
export function entriesEndingAt(buffer: Buffer, ends: readonly number[]): PackedEntries {
  const index = new EntryIndex(ends.length)
  let start = 0
  for (const end of ends) {
    index.add(buffer, start, end)
    start = end
  }
  return index.entries(buffer)
}
