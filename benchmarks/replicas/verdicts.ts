import type { Cluster } from './cluster.js'

/** A session summary as far as it is compared. */
export interface Summary {
  readonly anomaly: boolean
  readonly score: number
  readonly reasons: string
  /** Why the session was closed: `open` where its replica stopped or lost its partition. */
  readonly closed: string
}

/** The verdict on a record, `reasons` joined. */
export interface RecordVerdict {
  readonly status: string
  readonly anomaly: boolean
  readonly score: number
  readonly reasons: string
}

interface Scored {
  readonly number?: number
  readonly logneo: {
    readonly kind?: string
    readonly status?: string
    readonly session?: string
    readonly anomaly?: boolean
    readonly score?: number
    readonly reasons?: readonly string[]
    readonly closed?: string
  }
}

/** Everything that stands committed in an output topic. */
export class Verdicts {
  readonly records: (RecordVerdict | undefined)[] = []
  readonly summaries = new Map<string, Summary[]>()
  /** Records that were read more than once. */
  numRepeated = 0
  #numRecords = 0

  /** Different records that were read. */
  get numRecords(): number {
    return this.#numRecords
  }

  /** Reads a sealed topic as a reader with read_committed does. */
  static async read({ kafka, numPartitions }: Cluster, topic: string): Promise<Verdicts> {
    const verdicts = new Verdicts()
    const consumer = kafka.consumer({ groupId: `reader-${topic}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const sealed = new Set<number>()
    try {
      await new Promise<void>((resolve, reject) => {
        consumer
          .run({
            eachMessage: async ({ partition, message: { value } }) => {
              if (value === null) sealed.add(partition)
              else verdicts.#add(JSON.parse(value.toString()))
              if (sealed.size === numPartitions) resolve()
            },
          })
          .catch(reject)
      })
    } finally {
      await consumer.disconnect()
    }
    return verdicts
  }

  #add({ number, logneo }: Scored): void {
    const { status = '', anomaly = false, score = 0, closed = '', session = '' } = logneo
    const reasons = (logneo.reasons ?? []).join(' ')
    if (logneo.kind === 'session') {
      const known = this.summaries.get(session)
      const summary = { anomaly, score, reasons, closed }
      if (known === undefined) this.summaries.set(session, [summary])
      else known.push(summary)
      return
    }
    if (this.records[number!] !== undefined) this.numRepeated++
    else this.#numRecords++
    this.records[number!] = { status, anomaly, score, reasons }
  }
}
