import type { DetectorName } from '../scorer/detectors/detector.js'
import type { Severity } from '../scorer/judge.js'

/** `learning`: no model yet. `unscored`: the scorer failed, or the line belongs to no session. */
export type VerdictStatus = 'scored' | 'learning' | 'unscored'

/** A template that could have come instead, and the model's probability for it. */
export interface Expected {
  readonly template: string
  readonly probability: number
}

/** What one detector found: views of a session that are blind to each other are told one by one. */
export interface Evidence {
  readonly detector: DetectorName
  /** How often a normal session shows as much to this detector, by its own calibration. */
  readonly p_value: number
  /** One sentence. */
  readonly message: string
}

/** What is added to a record, under the key `logneo`. */
export interface Verdict {
  readonly status: VerdictStatus
  readonly anomaly?: boolean
  /** -log10 of the p-value: 3 means that one normal session in a thousand holds such an event. Beyond the false-alarm rate by a fitted tail. 0 to 12. */
  readonly score?: number
  readonly severity?: Severity
  readonly session?: string
  readonly template?: string
  readonly template_id?: string
  /** How many keys the model held likelier; zero-based. */
  readonly rank?: number
  /** -ln of the probability the model gave the event. */
  readonly surprise?: number
  /** Id of the model bundle. */
  readonly model?: string
  /** True on lines that go on with the event before them and were not judged themselves: score and severity are the event's. */
  readonly continuation?: true
  readonly reasons?: readonly DetectorName[]
  readonly message?: string
  /** What speaks for an anomaly, the strongest first. */
  readonly evidence?: readonly Evidence[]
  readonly expected?: readonly Expected[]
  /** `local` where the shared store was away and the line was judged in this process alone. */
  readonly store?: 'local'
}

/** What is told of a session when it closes, as a record of its own. */
export interface SessionSummary {
  readonly kind: 'session'
  readonly status: VerdictStatus
  readonly session: string
  readonly anomaly: boolean
  readonly score: number
  readonly severity: Severity
  readonly reasons: readonly string[]
  readonly message?: string
  /** On anomalies, what speaks for them, the strongest first. */
  readonly evidence?: readonly Evidence[]
  /** Lines in the session. */
  readonly events: number
  /** Lines and ends among them that were flagged. */
  readonly anomalies: number
  /** Severity of the worst line that was flagged by itself; missing where only the end was, or nothing. */
  readonly line_severity?: Severity
  /** True when the input stopped before the session ended: its end was not judged. */
  readonly open: boolean
  /** How it was closed: end, idle, complete, open, window or evicted. */
  readonly closed: string
  /** Times of the first and last line, ISO 8601, where lines have times. */
  readonly started?: string
  readonly ended?: string
  readonly model?: string
  /** As of Verdict. */
  readonly store?: 'local'
}

/** Which fields ordinary records carry; anomalies carry all. */
export type FieldSet = 'minimal' | 'full'
