/** Languages whose traces are known. */
export const TRACE_NAMES = ['java', 'python', 'go'] as const
export type TraceName = (typeof TRACE_NAMES)[number]

/**
 * Where in a trace the lines of a program are. `alarm`: its event is a line that tells of trouble, so a trace that begins is that of the event. After
 * any other line it is an event of its own: what nobody caught.
 */
export type TraceState =
  | 'none'
  | 'alarm'
  | 'java'
  | 'python-frames'
  | 'python-raised'
  | 'python-linked'
  | 'go'

/** How the traces of a language go on. */
interface TraceRule {
  /** The state after a line that goes on with an event in `state`; nothing when it does not go on with it. */
  next(line: string, state: TraceState): TraceState | undefined
  /** The state after a line that begins an event; nothing when no trace begins with it. */
  begin(line: string): TraceState | undefined
}

/** Patterns look at no more of a line than this: what they look for stands at its beginning. */
const MAX_LOOKED_AT = 512

const INDENTED = /^[ \t]+\S/

const JAVA_FRAME = /^[ \t]+(?:at [\w$<]|\.\.\. \d+ (?:more|common frames omitted))/
const JAVA_CAUSE = /^[ \t]*(?:Caused by|Suppressed): \S/
/** A qualified class whose name says what it is, alone or with its message. */
const JAVA_THROWABLE = /^(?:[A-Za-z_$][\w$]*\.)+[\w$]*(?:Exception|Error|Throwable|Failure|Fault)(?:$|:)/

const JAVA_UNCAUGHT = /^Exception in thread "/

/** Of the JVM, in Java, Kotlin and Scala alike. */
const java: TraceRule = {
  next(line, state) {
    if (JAVA_FRAME.test(line) || JAVA_CAUSE.test(line)) return 'java'
    // After the exception's name its message may go on, indented.
    if (state === 'java') return INDENTED.test(line) ? 'java' : undefined
    return state === 'alarm' && JAVA_THROWABLE.test(line) ? 'java' : undefined
  },
  begin: line => (JAVA_THROWABLE.test(line) || JAVA_UNCAUGHT.test(line) ? 'java' : undefined),
}

const PYTHON_BEGIN = /^[ \t+|]*(?:Exception Group )?Traceback \(most recent call last\):/
const PYTHON_EXCEPTION = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:$|: |:$)/
/** Between two traces of which one led to the other. */
const PYTHON_LINK =
  /^(?:During handling of the above exception, another exception occurred:|The above exception was the direct cause of the following exception:)$/

const python: TraceRule = {
  next(line, state) {
    switch (state) {
      case 'alarm':
      case 'python-linked':
        if (PYTHON_BEGIN.test(line)) return 'python-frames'
        return state === 'python-linked' && line.trim() === '' ? state : undefined
      case 'python-frames':
        if (INDENTED.test(line)) return state
        return PYTHON_EXCEPTION.test(line) ? 'python-raised' : undefined
      case 'python-raised':
        if (PYTHON_LINK.test(line)) return 'python-linked'
        return line.trim() === '' ? state : undefined
      default:
        return undefined
    }
  },
  begin: line => (PYTHON_BEGIN.test(line) ? 'python-frames' : undefined),
}

/** Words of loggers and people for trouble. */
const ALARM =
  /\b(?:error|err|warn(?:ing)?|fatal|critical|crit|severe|alert|emerg|panic|exception|fail(?:ed|ure)?|uncaught|unhandled)\b/i

const GO_PANIC = /^(?:panic: |fatal error: )/
const GO_ROUTINE = /^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[[^\]]+\]:/
const GO_PART = /^(?:\[signal |created by \S|exit status \d+$|\t|[ \t]*$|\.\.\.additional frames elided)/
const GO_CALL = /^[^\s(][^\s]*\(.*\)$/

const go: TraceRule = {
  next(line, state) {
    if (GO_ROUTINE.test(line)) return 'go'
    return state === 'go' && (GO_PART.test(line) || GO_CALL.test(line)) ? 'go' : undefined
  },
  begin: line => (GO_PANIC.test(line) || GO_ROUTINE.test(line) ? 'go' : undefined),
}

/** First characters of lines that go on with any event: frames, causes and goroutines. */
const GOES_ON_ANYWHERE: ReadonlySet<number> = new Set([...' \tCSg'].map(letter => letter.charCodeAt(0)))

const RULES: Readonly<Record<TraceName, TraceRule>> = { java, python, go }

/** Tells which lines go on with the event before them, by the traces of some languages. */
export class Traces {
  readonly #rules: readonly TraceRule[]

  constructor(names: readonly TraceName[]) {
    this.#rules = names.map(name => RULES[name])
  }

  /** The state after a line that goes on with an event in `state`; nothing when it begins another. */
  next(line: string, state: TraceState): TraceState | undefined {
    // Nearly all lines are ordinary and follow ordinary ones.
    if (state === 'none' && !GOES_ON_ANYWHERE.has(line.charCodeAt(0))) return undefined
    const start = beginning(line)
    for (const rule of this.#rules) {
      const next = rule.next(start, state)
      if (next !== undefined) return next
    }
    return undefined
  }

  /** The state after a line that begins an event. */
  begin(line: string): TraceState {
    const start = beginning(line)
    for (const rule of this.#rules) {
      const state = rule.begin(start)
      if (state !== undefined) return state
    }
    return ALARM.test(start) ? 'alarm' : 'none'
  }
}

const beginning = (line: string): string =>
  line.length > MAX_LOOKED_AT ? line.slice(0, MAX_LOOKED_AT) : line
