import type { Cluster } from '../drain/cluster.js'
import type { Drain } from '../drain/drain.js'
import type { Evidence } from '../scorer/detectors/detector.js'
import { ScoringError } from '../scorer/errors.js'
import type { Judge, Judgement } from '../scorer/judge.js'
import type { PrefixTree } from '../scorer/prefix-tree.js'
import type { Scorer } from '../scorer/scorer.js'
import { END, UNKNOWN } from '../scorer/vocabulary.js'
import { expectedNext, explain } from './explain.js'
import { note, noteUnscored, summarize } from './findings.js'
import type { Keys } from './keys.js'
import type { LineReader, LogRecord } from './line-reader.js'
import {
  type ClosedSession,
  type CloseReason,
  isTrueEnd,
  type Session,
  type SessionTracker,
} from './session.js'
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
  readonly bundleId: string
  readonly reader: LineReader
  readonly drain: Drain
  readonly keys: Keys
  readonly tracker: SessionTracker
  readonly scorer: Scorer
  readonly judge: Judge
  /** Surprise of keys that were not there in training. */
  readonly unknownSurprise: number
  /** Told of each failure of the scorer. */
  readonly onScorerFailure?: (error: ScoringError) => void
}

/** Something to be decided once its prefix is computed: a line, or the end of a session. */
interface Question {
  /** Index of the line; for ends, of the line before which the session closed. */
  readonly index: number
  readonly node: number
  readonly token: number
  /** The token before, for explanations. */
  readonly previous: number
  /** The session it is judged in. */
  readonly session: Session
  /** All sessions it counts in. */
  readonly sessions: readonly Session[]
  readonly cluster: Cluster | undefined
  readonly closed: CloseReason | undefined
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

  constructor(readonly parts: EngineParts) {}

  /** Judges lines. Never rejects for what lines hold; when the scorer fails they come back unscored. */
  judge(lines: readonly LineInput[]): Promise<Judged> {
    const judged: Judged = { verdicts: new Array(lines.length), summaries: [] }
    return this.#inTurn(async () => {
      let settled: Promise<void> = Promise.resolve()
      for (let from = 0; from < lines.length; ) {
        const questions: Question[] = []
        from = this.#prepare(lines, from, questions, judged.verdicts)
        const answered = this.#answer(questions, judged)
        // Two slices at a time: one being computed, one being prepared.
        await settled
        settled = answered
      }
      return { prepared: settled, result: judged }
    })
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
    const judged: Judged = { verdicts: [], summaries: [] }
    await this.#inTurn(async () => {
      const closed: ClosedSession[] = []
      collect(closed)
      const { scorer } = this.parts
      for (let i = 0; i < closed.length; ) {
        const questions: Question[] = []
        const to = Math.min(closed.length, i + MAX_SLICE)
        for (; i < to && scorer.numWaiting <= scorer.maxWaiting; i++) this.#askEnd(closed[i]!, 0, questions)
        await this.#answer(questions, judged)
      }
      return { prepared: Promise.resolve(), result: judged }
    })
    return judged.summaries.map(({ summary }) => summary)
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

  /** Turns lines from `from` on into questions, as many as fit one computation. @returns the index of the first line left */
  #prepare(lines: readonly LineInput[], from: number, questions: Question[], verdicts: Verdict[]): number {
    const { scorer } = this.parts
    const to = Math.min(lines.length, from + MAX_SLICE)
    let index = from
    for (; index < to && scorer.numWaiting <= scorer.maxWaiting; index++) {
      this.#ask(lines[index]!, index, questions, verdicts)
    }
    return index
  }

  #ask(input: LineInput, index: number, questions: Question[], verdicts: Verdict[]): void {
    const { line } = input
    if (line === undefined) {
      verdicts[index] = { status: 'unscored' }
      return
    }
    const { reader, drain, keys, tracker, scorer } = this.parts
    reader.read(line)
    const { content, contentStart, timeMs } = reader.slots
    const id = input.sessionId ?? reader.session(line, input.record)
    const key = content === undefined ? drain.learnKey(line, contentStart) : drain.learnKey(content)
    const cluster = drain.cluster(key)
    if (id === undefined) {
      verdicts[index] = {
        status: 'unscored',
        ...(cluster && { template: cluster.template, template_id: cluster.id }),
      }
      return
    }
    const closed: ClosedSession[] = []
    const placed = tracker.place(id, Number.isNaN(timeMs) ? input.timeMs : timeMs, closed)
    for (const one of closed) this.#askEnd(one, index, questions)
    const session = placed[0]!
    const token = keys.token(key)
    questions.push({
      index,
      node: scorer.enter(session.context),
      token,
      previous: session.context.tokens.at(-1)!,
      session,
      sessions: placed.length === 1 ? [session] : [...placed],
      cluster,
      closed: undefined,
    })
    for (const one of placed) {
      one.numEvents++
      scorer.append(one.context, token)
    }
    if (reader.isEnd(line)) {
      const ended: ClosedSession[] = []
      tracker.end(id, ended)
      for (const one of ended) this.#askEnd(one, index + 1, questions)
    }
  }

  /** A true end is a question to the model; any other close only waits its turn to be summed up. */
  #askEnd({ session, reason }: ClosedSession, index: number, questions: Question[]): void {
    questions.push({
      index,
      node: isTrueEnd(reason) ? this.parts.scorer.enter(session.context) : NO_NODE,
      token: END,
      previous: session.context.tokens.at(-1)!,
      session,
      sessions: [session],
      cluster: undefined,
      closed: reason,
    })
  }

  async #answer(questions: readonly Question[], judged: Judged): Promise<void> {
    const { scorer, onScorerFailure } = this.parts
    const { tree } = scorer
    let isComputed = true
    try {
      await scorer.compute()
    } catch (error) {
      if (!(error instanceof ScoringError)) throw error
      isComputed = false
      onScorerFailure?.(error)
    }
    for (const question of questions) {
      if (question.closed === undefined) {
        judged.verdicts[question.index] = isComputed
          ? this.#verdict(tree, question)
          : this.#unscored(question)
      } else {
        if (question.node !== NO_NODE && isComputed) this.#judgeEnd(tree, question)
        if (!isComputed) noteUnscored(question.sessions)
        const { session, closed, index } = question
        judged.summaries.push({
          after: index,
          summary: summarize(session, closed, this.parts.judge, this.parts.bundleId),
        })
      }
    }
  }

  #verdict(tree: PrefixTree, question: Question): Verdict {
    const { bundleId, judge, unknownSurprise } = this.parts
    const { node, token, session, cluster } = question
    const isKnown = token !== UNKNOWN
    const surprise = isKnown ? tree.surprise(node, token) : unknownSurprise
    const rank = isKnown ? tree.rank(node, token) : tree.vocabularySize
    const judgement = judge.judge({ kind: 'key', isKnown, surprise, rank })
    const verdict = {
      status: 'scored' as const,
      anomaly: judgement.isAnomaly,
      score: judgement.score,
      severity: judgement.severity,
      session: session.id,
      template: cluster?.template ?? '',
      template_id: cluster?.id ?? '',
      rank,
      surprise,
      model: bundleId,
    }
    if (!judgement.isAnomaly) {
      for (const one of question.sessions)
        if (judgement.score > one.findings.score) one.findings.score = judgement.score
      tree.unpin(node)
      return verdict
    }
    const { expected, message } = this.#explain(tree, question, { kind: 'key', isKnown, surprise, rank })
    tree.unpin(node)
    note(question.sessions, judgement, message)
    return { ...verdict, reasons: judgement.reasons, message, expected }
  }

  #judgeEnd(tree: PrefixTree, question: Question): void {
    const { node, sessions } = question
    const evidence: Evidence = {
      kind: 'end',
      isKnown: true,
      surprise: tree.surprise(node, END),
      rank: tree.rank(node, END),
    }
    const judgement: Judgement = this.parts.judge.judge(evidence)
    const message = judgement.isAnomaly ? this.#explain(tree, question, evidence).message : undefined
    tree.unpin(node)
    note(sessions, judgement, message)
  }

  #explain(tree: PrefixTree, question: Question, evidence: Evidence) {
    const { keys } = this.parts
    const expected = expectedNext(tree, question.node, keys)
    const template = evidence.kind === 'end' ? undefined : (question.cluster?.template ?? '')
    return { expected, message: explain({ template, ...evidence }, question.previous, expected, keys) }
  }

  #unscored({ session, sessions, cluster }: Question): Verdict {
    noteUnscored(sessions)
    return {
      status: 'unscored',
      session: session.id,
      ...(cluster && { template: cluster.template, template_id: cluster.id }),
    }
  }
}
