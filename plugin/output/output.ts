import type { ChunkTransaction, PackedEntries } from '../chunk.js'

/** What an output may use beside the entries. */
export interface Delivery {
  /** The session of each entry, where it has one: for outputs that keep sessions together. */
  readonly sessions: readonly (string | undefined)[]
  /** The sender's name for the chunk they came in, the same each time it is sent again. */
  readonly chunkId?: string | undefined
  /** An output of the same system delivers within it; others need not mind it. */
  readonly transaction?: ChunkTransaction | undefined
}

/** Where tagged records go. */
export interface Output {
  /** For messages and metrics; its first word is the kind of output, as the config calls it: `forward 10.0.0.9:24224`. */
  readonly name: string
  /** Whether the receiver is there. */
  readonly isReady: boolean
  /** Whether entries may come with their metadata, `[[time, metadata], record]`, where they have some. */
  readonly takesMetadata?: boolean
  /** Bytes accepted and not delivered, where they queue. */
  readonly queuedBytes?: number
  /**
   * Delivers packed entries under a tag; resolves once they are safe with the receiver. The memory is the output's until then.
   *
   * @throws RecordTooLargeError when an entry can never be delivered; none of the entries is
   * @throws RecordsRefusedError when some entries can never be delivered; all others are
   */
  deliver(tag: string, entries: PackedEntries, delivery?: Delivery): Promise<void>
  /** Delivers what is under way, as far as that works in time, and ends. */
  close(): Promise<void>
}

/** The kind of an output, as the config calls it. */
export const outputKind = ({ name }: Output): string => name.split(' ', 1)[0]!
