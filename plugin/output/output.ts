import type { PackedEntries } from '../chunk.js'

/** Where tagged records go. */
export interface Output {
  /** For messages and metrics; its first word is the kind of output, as the config calls it: `forward 10.0.0.9:24224`. */
  readonly name: string
  /** Whether the receiver is there. */
  readonly isReady: boolean
  /**
   * Delivers packed `[time, record]` entries under a tag; resolves once they are safe with the receiver. The memory is the output's until then.
   *
   * @throws RecordTooLargeError when an entry can never be delivered; none of the entries is
   */
  deliver(tag: string, entries: PackedEntries): Promise<void>
  /** Delivers what is under way, as far as that works in time, and ends. */
  close(): Promise<void>
}

/** The kind of an output, as the config calls it. */
export const outputKind = ({ name }: Output): string => name.split(' ', 1)[0]!
