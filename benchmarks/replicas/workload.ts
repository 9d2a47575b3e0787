import type { Replay } from '../replay.js'
import { injectFaults } from './faults.js'

/** A message of the topic: a numbered line, keyed by its session. */
export interface NumberedMessage {
  readonly key: string
  /** JSON: `message`, the line; `number`, its place in the whole. */
  readonly value: string
}

export interface WorkloadOptions {
  /** May be infinite. */
  readonly records: number
  /** Share of sessions that fail, 0 to 1. */
  readonly faultShare: number
}

/** A log repeated with fresh session ids until it has as many lines as wanted; some of its sessions fail. The same each time it is read. */
export class Workload {
  /** The session of each record, by number; complete once all messages were taken. */
  readonly sessions: string[] = []

  constructor(
    readonly replay: Replay,
    readonly options: WorkloadOptions,
  ) {}

  get records(): number {
    return this.options.records
  }

  /** In batches of at most `size`. */
  *batches(size: number): Generator<NumberedMessage[]> {
    let batch: NumberedMessage[] = []
    for (const message of this.#messages()) {
      batch.push(message)
      if (batch.length < size) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  *#messages(): Generator<NumberedMessage> {
    const { records, faultShare } = this.options
    let number = 0
    for (let turn = 0; number < records; turn++) {
      const lines = this.replay.linesOf(turn)
      const named = lines.map(line => ({ line, session: this.replay.sessionOf(line)! }))
      for (const { line, session } of injectFaults(named, faultShare)) {
        if (number === records) return
        this.sessions[number] = session
        yield { key: session, value: JSON.stringify({ message: line, number }) }
        number++
      }
    }
  }
}
