/** What the recorder itself knows about one connection that it opened. */
export interface Entry {
  /** Local TCP port of the client, which the server logs too. 0 until connected. */
  port: number
  /** Process id of the backend; 0 when the log-in never succeeded. */
  pid: number
  /** Kind of work, for the recorder's own report. */
  readonly flow: string
  /** Wall-clock time of the connection, milliseconds since the epoch. */
  readonly openedAt: number
  /** Injected fault that the session carries or was hit by. */
  fault: string | undefined
  isOpen: boolean
}

interface Period {
  readonly fault: string
  /** SQLSTATEs, or `lost`, by which a client notices this fault. */
  readonly signs: ReadonlySet<string>
}

/** The ground truth, written while faults are injected. */
export class Ledger {
  readonly entries: Entry[] = []
  /** Trouble that no injected fault explains; a good recording has none. */
  readonly unexplained: string[] = []
  readonly #periods = new Set<Period>()

  add(flow: string, fault: string | undefined): Entry {
    const entry: Entry = { port: 0, pid: 0, flow, openedAt: Date.now(), fault, isOpen: true }
    this.entries.push(entry)
    return entry
  }

  /** Sessions open now that logged in: who a crash of the server will hit. */
  open(): Entry[] {
    return this.entries.filter(entry => entry.isOpen && entry.pid > 0)
  }

  /** From now on, until the returned function is called, these signs mean this fault. */
  begin(fault: string, ...signs: string[]): () => void {
    const period = { fault, signs: new Set(signs) }
    this.#periods.add(period)
    return () => this.#periods.delete(period)
  }

  /** A client saw trouble it did not expect: the fault of the running period hit it. */
  trouble(entries: readonly Entry[], sign: string): void {
    const period = [...this.#periods].find(candidate => candidate.signs.has(sign))
    for (const entry of entries) {
      if (!entry.isOpen) continue
      if (period) entry.fault = entry.fault === 'backend-killed' ? entry.fault : period.fault
      else if (!entry.fault) this.unexplained.push(`${entry.flow}: ${sign}`)
    }
  }
}
