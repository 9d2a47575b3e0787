import { LinearRegex } from '../../drain/regex/linear-regex.js'
import type { LinePart } from '../engine-parts.js'
import { type TraceName, type TraceState, Traces } from './traces.js'

/** A program silent for this long does not go on with its last event, in milliseconds. */
const MAX_QUIET_MS = 30_000

/** What tells where events begin. */
export interface EventRules {
  /** Languages whose traces go on with the line before them. */
  readonly traces: readonly TraceName[]
  /** A pattern that the first line of each event matches, instead of `traces`. */
  readonly start?: string | undefined
  /** Lines that may belong to one event. */
  readonly maxLines: number
}

/** Event rules ready to be applied. */
export class EventTeller {
  readonly traces: Traces
  readonly start: LinearRegex | undefined
  readonly maxLines: number

  /** @throws PatternError when the pattern of `start` cannot be used */
  constructor({ traces, start, maxLines }: EventRules) {
    this.traces = new Traces(traces)
    this.start = start === undefined ? undefined : LinearRegex.compile(start)
    this.maxLines = maxLines
  }
}

/** The lines of one program, one after the other: which of them go on with the event before them. */
export class ProgramLines {
  #trace: TraceState = 'none'
  /** Lines of the event so far; 0 before the first. */
  #numLines = 0
  #hasNewlines = false
  #touchedMs = 0
  /** Whether the latest line was broken, so that the next one goes on with it. */
  isBroken = false

  constructor(readonly teller: EventTeller) {}

  /** Takes the next line. @returns whether it goes on with the event before it */
  next(part: LinePart, nowMs: number): boolean {
    const goesOn = this.#goesOn(part.content, nowMs)
    this.#numLines = goesOn ? this.#numLines + 1 : 1
    this.#touchedMs = nowMs
    this.#hasNewlines ||= part.hasNewline
    this.isBroken = part.isBroken ?? (this.#hasNewlines && !part.hasNewline)
    return goesOn
  }

  /** The next line begins an event, whatever it is. */
  forget(): void {
    this.#numLines = 0
  }

  #goesOn(content: string, nowMs: number): boolean {
    const { traces, start, maxLines } = this.teller
    const isFresh = this.#numLines > 0 && this.#numLines < maxLines && nowMs - this.#touchedMs <= MAX_QUIET_MS
    if (isFresh && this.isBroken) return true
    if (isFresh && start !== undefined) return start.find(content) === undefined
    const next = isFresh ? traces.next(content, this.#trace) : undefined
    this.#trace = next ?? traces.begin(content)
    return next !== undefined
  }
}
