import type { Drain } from '../drain/drain.js'
import { ScoringError } from '../scorer/errors.js'
import type { Context, Scorer } from '../scorer/scorer.js'
import type { Ending, Examiner, Occurrence } from './examiner.js'
import { Fifo } from './fifo.js'
import { noteUnscored, summarize } from './findings.js'
import type { Keys } from './keys.js'
import type { LineReader, LogRecord } from './line-reader.js'
import type { Pauses } from './pauses.js'
import { type ClosedSession, isTrueEnd, type Session, type SessionTracker } from './session.js'
import type { SessionSummary, Verdict } from './verdict.js'

/** A line to be judged. */
export interface LineInput {
  /** Undefined when the record holds no line: it passes unscored. */
  readonly line: string | undefined
  /** Time of the entry, used when the line has none of its own; NaN if there is none. */
  readonly timeMs: number
  /** The record the line came in, for session ids kept in fields. */
  readonly record?: LogRecord | undefined
  /** The session id, if it is known already. */
  readonly sessionId?: string | undefined
}

/** Verdicts in the order of the lines, and summaries of the sessions that closed on the way. */
export interface Judged {
  readonly verdicts: Verdict[]
  readonly summaries: ClosedSummary[]
}

export interface ClosedSummary {
  /** How many of the lines came before it. */
  readonly after: number
  readonly summary: SessionSummary
}

/** What an engine is made of. */
export interface EngineParts {
  readonly reader: LineReader
  readonly drain: Drain
  readonly keys: Keys
  readonly tracker: SessionTracker
  readonly scorer: Scorer
  readonly examiner: Examiner
  readonly pauses: Pauses
  /** Told of each failure of the scorer. */
  readonly onScorerFailure?: (error: ScoringError) => void
}

/**
 * Something to be decided once its prefix is computed: a line, or the end of a session. `index` is that of the line; for ends, of the line before
 * which the session closed.
 */
type Question = { readonly index: number } & (
  | { readonly occurrence: Occurrence; readonly ending?: undefined }
  | { readonly ending: Ending; readonly occurrence?: undefined }
)

/** A session that closed and is still to be asked about, and the line before which it did. */
interface PendingEnd {
  readonly closed: ClosedSession
  readonly index: number
}

/** Lines and ends that are still to be asked about. */
interface Work {
  readonly lines: readonly LineInput[]
  /** The line that is next. */
  next: number
  readonly ends: Fifo<PendingEnd>
  readonly judged: Judged
}

/** Questions that are computed together. */
const MAX_SLICE = 500
const NO_NODE = -1

/**
 * From lines to verdicts: header, Drain, session, model, decision. Lines are taken in the order of the calls, however they are cut into calls,
 * and the verdicts do not depend on the cut. Everything but the model's arithmetic runs here, synchronously; that runs in the scorer's thread while
 * the next lines are prepared.
 */
export class Engine {
  #turn: Promise<void> = Promise.resolve()
  /** Resolves when everything asked so far is answered. */
  #answered: Promise<void> = Promise.resolve()
  /** Tokens of the prefixes of all open questions: no more nodes than this are pinned, with all that leads to them. */
  #numHeld = 0
  readonly #closed: ClosedSession[] = []

  constructor(readonly parts: EngineParts) {}

  /** Judges lines. Never rejects for what lines hold; when the scorer fails they come back unscored. */
  judge(lines: readonly LineInput[]): Promise<Judged> {
    const judged: Judged = { verdicts: new Array(lines.length), summaries: [] }
    return this.#inTurn(() => this.#work({ lines, next: 0, ends: new Fifo(), judged }))
  }

  /** Closes all sessions: `complete` when the input has really ended, `open` when it merely stopped. */
  finish(reason: 'complete' | 'open'): Promise<SessionSummary[]> {
    return this.#close(closed => this.parts.tracker.closeAll(reason, closed))
  }

  /** Closes sessions that have been silent for too long by the wall clock (milliseconds); call it now and then on live streams. */
  tick(nowWallMs: number): Promise<SessionSummary[]> {
    return this.#close(closed => this.parts.tracker.closeSilent(nowWallMs, closed))
  }

  async close(): Promise<void> {
    await this.#turn
    await this.parts.scorer.close()
  }

  async #close(collect: (closed: ClosedSession[]) => void): Promise<SessionSummary[]> {
    const { summaries } = await this.#inTurn(() => {
      const closed: ClosedSession[] = []
      collect(closed)
      const ends = new Fifo<PendingEnd>()
      for (const one of closed) ends.push({ closed: one, index: 0 })
      return this.#work({ lines: [], next: 0, ends, judged: { verdicts: [], summaries: [] } })
    })
    return summaries.map(({ summary }) => summary)
  }

  /** Runs tasks one after the other; the next may start preparing while the last answers of the one before are computed. */
  async #inTurn<T>(task: () => Promise<{ prepared: Promise<void>; result: T }>): Promise<T> {
    const before = this.#turn
    let next = (): void => {}
    this.#turn = new Promise(resolve => {
      next = resolve
    })
    await before
    try {
      const { prepared, result } = await task()
      next()
      await prepared
      return result
    } finally {
      next()
    }
  }

  async #work(work: Work): Promise<{ prepared: Promise<void>; result: Judged }> {
    let settled: Promise<void> = Promise.resolve()
    while (isLeft(work)) {
      if (!this.#hasRoom) await this.#answered
      const questions = this.#prepare(work)
      const answered = this.#answer(questions, work.judged)
      this.#answered = answered
      // Two slices at a time: one being computed, one being prepared.
      await settled
      settled = answered
    }
    return { prepared: settled, result: work.judged }
  }

  get #hasRoom(): boolean {
    return this.#numHeld <= this.parts.scorer.maxHeld
  }

  /** Turns work into questions, as many as fit one computation: one line can close any number of sessions. */
  #prepare(work: Work): Question[] {
    const questions: Question[] = []
    for (let i = 0; i < MAX_SLICE && isLeft(work) && this.#hasRoom; i++) {
      const end = work.ends.shift()
      if (end !== undefined) this.#askEnd(end.closed, end.index, questions)
      else this.#ask(work.lines[work.next]!, work.next++, questions, work)
    }
    return questions
  }

  #ask(input: LineInput, index: number, questions: Question[], { ends, judged }: Work): void {
    const { line } = input
    const { verdicts } = judged
    if (line === undefined) {
      verdicts[index] = { status: 'unscored' }
      return
    }
    const { reader, drain, keys, tracker, scorer } = this.parts
    reader.read(line)
    const { content, contentStart, timeMs } = reader.slots
    const id = input.sessionId ?? reader.session(line, input.record)
    const key = content === undefined ? drain.learnKey(line, contentStart) : drain.learnKey(content)
    const cluster = drain.cluster(key)!
    if (id === undefined) {
      verdicts[index] = {
        status: 'unscored',
        template: cluster.template,
        template_id: cluster.id,
      }
      return
    }
    const closed = this.#closed
    const placed = tracker.place(id, Number.isNaN(timeMs) ? input.timeMs : timeMs, closed)
    defer(closed, index, ends)
    const { context } = placed[0]!
    const token = keys.token(key)
    questions.push({
      index,
      occurrence: {
        node: this.#enter(context),
        token,
        previous: context.tokens[context.tokens.length - 1]!,
        sessions: placed.slice(),
        template: cluster.template,
        templateId: cluster.id,
        timeMs: finiteOrNaN(tracker.nowMs),
      },
    })
    for (let i = 0; i < placed.length; i++) {
      const one = placed[i]!
      one.numEvents++
      one.lastTemplate = cluster.id
      scorer.append(one.context, token)
    }
    if (reader.isEnd(line)) {
      tracker.end(id, closed)
      defer(closed, index + 1, ends)
    }
  }

  #enter(context: Context): number {
    const { scorer } = this.parts
    const node = scorer.enter(context)
    this.#numHeld += scorer.tree.depth(node)
    return node
  }

  /** A true end is a question to the model; any other close only waits its turn to be judged by what came and summed up. */
  #askEnd({ session, reason }: ClosedSession, index: number, questions: Question[]): void {
    questions.push({
      index,
      ending: {
        node: isTrueEnd(reason) ? this.#enter(session.context) : NO_NODE,
        previous: session.context.tokens.at(-1)!,
        sessions: [session],
        closed: reason,
        timeMs: session.lastMs,
        mayPause: reason === 'idle' || reason === 'complete' ? this.#mayPause(session) : 0,
      },
    })
  }

  #mayPause({ lastMs, lastTemplate }: Session): number {
    const quietMs = this.parts.tracker.nowMs - lastMs
    return Number.isNaN(quietMs) ? 0 : this.parts.pauses.shareLonger(lastTemplate, quietMs)
  }

  async #answer(questions: readonly Question[], judged: Judged): Promise<void> {
    const { scorer, examiner, onScorerFailure } = this.parts
    const { tree } = scorer
    let isComputed = true
    try {
      await scorer.compute()
    } catch (error) {
      if (!(error instanceof ScoringError)) throw error
      isComputed = false
      onScorerFailure?.(error)
    }
    for (const { index, occurrence, ending } of questions) {
      const { node } = occurrence ?? ending
      if (node !== NO_NODE) this.#numHeld -= tree.depth(node)
      if (occurrence !== undefined) {
        judged.verdicts[index] = isComputed ? examiner.event(tree, occurrence) : examiner.unscored(occurrence)
      } else {
        if (isComputed) examiner.end(tree, ending)
        else noteUnscored(ending.sessions)
        judged.summaries.push({ after: index, summary: this.#summarize(ending) })
      }
      if (node !== NO_NODE && isComputed) tree.unpin(node)
    }
  }

  #summarize({ sessions, closed }: Ending): SessionSummary {
    const { judge, bundleId } = this.parts.examiner.parts
    return summarize(sessions[0]!, closed, judge, bundleId)
  }
}

function isLeft({ lines, next, ends }: Work): boolean {
  return next < lines.length || ends.length > 0
}

function finiteOrNaN(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN
}

/** Moves the sessions that closed before line `index` to those still to be asked about. */
function defer(closed: ClosedSession[], index: number, ends: Fifo<PendingEnd>): void {
  if (closed.length === 0) return
  for (const one of closed) ends.push({ closed: one, index })
  closed.length = 0
}
