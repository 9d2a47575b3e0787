export type FindingStatus = 'ok' | 'warning' | 'failed'

/** One thing that was looked at. */
export interface Finding {
  readonly status: FindingStatus
  /** What was found; never a secret. */
  readonly text: string
  /** What to do about it, where `text` does not say so. */
  readonly advice?: string
}

/** What is known of one peer of a config. */
export interface PeerReport {
  /** Section of the config that names it, such as `output.kafka`. */
  readonly part: string
  /** Its address, without secrets. */
  readonly peer: string
  readonly findings: readonly Finding[]
  readonly milliseconds: number
}

/** Collects what is found about one peer. */
export class Findings {
  readonly list: Finding[] = []

  ok(text: string): void {
    this.list.push({ status: 'ok', text })
  }

  warning(text: string, advice?: string): void {
    this.list.push({ status: 'warning', text, ...(advice !== undefined && { advice }) })
  }

  failed(text: string, advice?: string): void {
    this.list.push({ status: 'failed', text, ...(advice !== undefined && { advice }) })
  }
}

/** How a peer is looked at. */
export interface PeerCheck {
  readonly part: string
  readonly peer: string
  /**
   * Looks at the peer and changes nothing there. What it throws is a finding as well.
   *
   * @param signal aborted when the time is up: whatever is open is to be closed
   */
  look(findings: Findings, signal: AbortSignal): Promise<void>
  /** What to do where `look` throws. */
  readonly advice: string
}

/** Makes a check, ends it when its time is up, and says what it found. Never throws. */
export async function examine(check: PeerCheck, limitMs: number): Promise<PeerReport> {
  const { part, peer, advice } = check
  const findings = new Findings()
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(limitMs)
  const late = new Promise<never>((_, reject) => {
    const timeUp = (): void => reject(new Error(`it took longer than ${limitMs / 1000} s`))
    signal.addEventListener('abort', timeUp, { once: true })
  })
  try {
    await Promise.race([check.look(findings, signal), late])
  } catch (error) {
    findings.failed(error instanceof Error ? error.message : String(error), advice)
  }
  // What a check that is late still finds is not in the report.
  const list = findings.list.slice()
  return { part, peer, findings: list, milliseconds: Math.round(performance.now() - startedAt) }
}
