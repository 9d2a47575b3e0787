import { Drain } from '../drain/drain.js'
import type { DrainOptions } from '../drain/options.js'
import { Random } from '../scorer/random.js'
import type { KeySequence } from '../scorer/train/train.js'
import { HabitLearner, type NotedLine, type SessionNotes } from './habits/habit-learner.js'
import type { HabitTable } from './habits/habit-table.js'
import { placedValues } from './habits/placed-value.js'
import { heads } from './join/heads.js'
import { LineReader, WHOLE_LOG } from './line-reader.js'
import { type LineRules, MAX_SECONDS } from './line-rules.js'
import type { PauseTable } from './pauses.js'
import { EndEstimator, type PausePoints, type Stretch } from './session-ends.js'

/** Yields the lines of the training log from the beginning, each time it is called. */
export type LineSource = () => AsyncIterable<string>

export interface TrainingLogOptions {
  readonly rules: Omit<LineRules, 'idleTimeoutSeconds' | 'pauses'> & {
    readonly idleTimeoutSeconds?: number | undefined
  }
  readonly drain: DrainOptions
  /** Whether the end of the input ends the sessions still open. */
  readonly isComplete: boolean
  readonly seed: number
}

/** What a training log was turned into. */
export interface TrainingLog {
  readonly sequences: KeySequence[]
  readonly drain: Drain
  readonly rules: LineRules
  /** What parameters and times are like. */
  readonly habits: HabitTable
  readonly numLines: number
  /** Lines that belong to no session by the rule. */
  readonly numWithoutSession: number
}

/** Idle timeout of live sessions when the log shows no times, in seconds. */
const DEFAULT_IDLE_SECONDS = 1800
const MIN_IDLE_SECONDS = 60
/** A live session is closed when it has been quiet for this many times the longest pause that a training session survived. */
const PAUSE_MARGIN = 1.5

/** The finest time between two lines of a log that writes whole seconds. */
const COARSE_TICK_MS = 1_000

/** What the collector needs to know of time. */
interface Timing {
  readonly idleTimeoutSeconds: number | undefined
  /** The finest time between two lines. */
  readonly tickMs: number
}

/** A session under collection. */
interface OpenStretch extends Stretch {
  readonly id: string
  readonly keys: number[]
  readonly times: number[]
  readonly notes: SessionNotes
  hasEnded: boolean
}

/**
 * Reads a log twice, first to learn its templates, then to assign every line its final one, and cuts it into sessions.
 */
export async function readTrainingLog(lines: LineSource, options: TrainingLogOptions): Promise<TrainingLog> {
  const { join } = options.rules
  const source = join === undefined ? lines : () => heads(lines(), join)
  const drain = new Drain(options.drain)
  const rules: LineRules = {
    ...options.rules,
    idleTimeoutSeconds: options.rules.idleTimeoutSeconds ?? DEFAULT_IDLE_SECONDS,
  }
  const learner = new LineReader(rules)
  let isCoarse = true
  for await (const line of source()) {
    learner.read(line)
    const { content, contentStart, timeMs } = learner.slots
    if (!Number.isNaN(timeMs) && timeMs % COARSE_TICK_MS !== 0) isCoarse = false
    if (content === undefined) drain.learnKey(line, contentStart)
    else drain.learnKey(content)
  }
  const collector = new Collector(drain, rules, {
    idleTimeoutSeconds: options.rules.idleTimeoutSeconds,
    tickMs: isCoarse ? COARSE_TICK_MS : 1,
  })
  for await (const line of source()) collector.add(line)
  return collector.finish(options)
}

class Collector {
  readonly idleTimeoutSeconds: number | undefined
  readonly #reader: LineReader
  readonly #habits: HabitLearner
  readonly #open = new Map<string, OpenStretch>()
  readonly #all: OpenStretch[] = []
  readonly #windowMs: number | undefined
  readonly #stepMs: number
  #numLines = 0
  #numWithoutSession = 0
  #hasTimes = false
  #lastTime = 0

  constructor(
    readonly drain: Drain,
    readonly rules: LineRules,
    { idleTimeoutSeconds, tickMs }: Timing,
  ) {
    this.idleTimeoutSeconds = idleTimeoutSeconds
    this.#habits = new HabitLearner(tickMs)
    this.#reader = new LineReader(rules)
    const { session } = rules
    this.#windowMs = session.kind === 'window' ? session.seconds * 1000 : undefined
    this.#stepMs = session.kind === 'window' ? session.stepSeconds * 1000 : 0
  }

  add(line: string): void {
    this.#numLines++
    const reader = this.#reader
    reader.read(line)
    const { content, contentStart, timeMs, level } = reader.slots
    const steadyMs = this.#habits.steady(timeMs)
    const id = reader.session(line, undefined)
    if (id === undefined) {
      this.#numWithoutSession++
      return
    }
    const time = this.#time(timeMs)
    const key = content === undefined ? this.drain.learnKey(line, contentStart) : this.drain.learnKey(content)
    const values = placedValues(this.drain, this.drain.cluster(key)!, content ?? line)
    const noted = { key, values, level, steadyMs }
    if (this.#windowMs === undefined) this.#addToSession(id, noted, time, line)
    else this.#addToWindows(id, noted, time, this.#windowMs)
  }

  finish({ isComplete, seed }: TrainingLogOptions): TrainingLog {
    const { idleTimeoutSeconds } = this
    const logEnd = this.#lastTime
    const random = new Random(seed)
    const isWindowed = this.#windowMs !== undefined
    const estimator = new EndEstimator(this.#all, logEnd)
    const timeoutMs = idleTimeoutSeconds === undefined ? undefined : idleTimeoutSeconds * 1000
    const isOver = ({ keys, times, hasEnded }: Stretch): boolean => {
      if (isWindowed) return false
      if (hasEnded || isComplete) return true
      const quiet = logEnd - times.at(-1)!
      if (timeoutMs !== undefined) return quiet > timeoutMs
      return random.uniform() < estimator.probabilityOver(keys.at(-1)!, quiet)
    }
    const ids = new Map(this.drain.clusters().map(({ key, id }) => [key, id]))
    const { table, surprises } = this.#habits.finish(this.#all, ids)
    return {
      sequences: this.#all.map((stretch, i) => ({
        id: stretch.id,
        keys: stretch.keys.map(key => ids.get(key) ?? String(key)),
        ended: isOver(stretch),
        ...(isWindowed && { isWhole: true }),
        statistics: surprises[i]!,
      })),
      drain: this.drain,
      habits: table,
      rules: {
        ...this.rules,
        idleTimeoutSeconds: idleTimeoutSeconds ?? this.#idleSeconds(estimator.longestPause),
        ...(this.#hasTimes && !isWindowed && { pauses: pauseTable(estimator, ids) }),
      },
      numLines: this.#numLines,
      numWithoutSession: this.#numWithoutSession,
    }
  }

  #idleSeconds(longestPauseMs: number): number {
    if (!this.#hasTimes) return DEFAULT_IDLE_SECONDS
    return Math.min(
      MAX_SECONDS,
      Math.max(MIN_IDLE_SECONDS, Math.ceil((PAUSE_MARGIN * longestPauseMs) / 1000)),
    )
  }

  /** The line's time; its number where lines have none, which keeps the order at least. */
  #time(timeMs: number): number {
    if (!Number.isNaN(timeMs)) {
      this.#hasTimes = true
      this.#lastTime = Math.max(this.#lastTime, timeMs)
      return timeMs
    }
    if (!this.#hasTimes) this.#lastTime = this.#numLines
    return this.#lastTime
  }

  #addToSession(id: string, noted: NotedLine, time: number, line: string): void {
    let stretch = this.#open.get(id)
    const timeoutMs =
      this.idleTimeoutSeconds === undefined ? Number.POSITIVE_INFINITY : this.idleTimeoutSeconds * 1000
    if (stretch !== undefined && time - stretch.times.at(-1)! > timeoutMs) {
      stretch.hasEnded = true
      stretch = undefined
    }
    if (stretch === undefined) {
      stretch = this.#begin(id)
      this.#open.set(id, stretch)
    }
    this.#append(stretch, noted, time)
    if (this.#reader.isEnd(line)) {
      stretch.hasEnded = true
      this.#open.delete(id)
    }
  }

  #addToWindows(id: string, noted: NotedLine, time: number, windowMs: number): void {
    const first = Math.floor((time - windowMs) / this.#stepMs) * this.#stepMs + this.#stepMs
    for (let start = first; start <= time; start += this.#stepMs) {
      const label = `${id}@${start}`
      let stretch = this.#open.get(label)
      if (stretch === undefined) {
        stretch = this.#begin(this.#windowName(id, start))
        this.#open.set(label, stretch)
      }
      this.#append(stretch, noted, time)
    }
  }

  #append({ keys, times, notes }: OpenStretch, noted: NotedLine, time: number): void {
    keys.push(noted.key)
    times.push(time)
    this.#habits.note(notes, noted)
  }

  /** What people know a window by: when it began, or its number of lines in where lines have no times. */
  #windowName(id: string, start: number): string {
    const from = this.#hasTimes ? new Date(start).toISOString() : `line ${start}`
    return id === WHOLE_LOG ? from : `${id}, ${from}`
  }

  #begin(id: string): OpenStretch {
    // A copy of its own: an id cut out of its line would keep the whole line in memory.
    const stretch: OpenStretch = {
      id: Buffer.from(id).toString(),
      keys: [],
      times: [],
      notes: this.#habits.begin(),
      hasEnded: false,
    }
    this.#all.push(stretch)
    return stretch
  }
}

/** The estimator's pauses (milliseconds, by log key) as the bundle keeps them (seconds, by template id). */
function pauseTable(estimator: EndEstimator, ids: ReadonlyMap<number, string>): PauseTable {
  const toSeconds = (points: PausePoints): PausePoints =>
    points.map(([pause, share]) => [pause / 1000, share])
  const table: PauseTable = { byTemplate: {}, overall: [] }
  for (const [key, points] of estimator.pauses()) {
    const id = key === undefined ? undefined : ids.get(key)
    if (key === undefined) table.overall = toSeconds(points)
    else if (id !== undefined) table.byTemplate[id] = toSeconds(points)
  }
  return table
}
