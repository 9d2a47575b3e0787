import type { PackedEntries } from '../chunk.js'

/** Where tagged records go. */
export interface Output {
  /** For messages and metrics: `forward 10.0.0.9:24224`. */
  readonly name: string
  /** Whether the receiver is there. */
  readonly isReady: boolean
  /** Bytes accepted and not delivered, where they queue. */
  readonly queuedBytes?: number
  /**
   * Delivers packed `[time, record]` entries under a tag; resolves once they are safe with the receiver. The memory is the output's until then.
   *
   * @param chunkId the sender's name for the chunk they came in, the same each time it is sent again
   * @throws RecordTooLargeError when an entry can never be delivered; none of the entries is
   * @throws RecordsRefusedError when some entries can never be delivered; all others are
   */
  deliver(tag: string, entries: PackedEntries, chunkId?: string): Promise<void>
  /** Delivers what is under way, as far as that works in time, and ends. */
  close(): Promise<void>
}
