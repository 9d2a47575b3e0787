import type { Cluster } from '../drain/cluster.js'
import { Tally } from '../scorer/composition/tally.js'
import { ScoringError } from '../scorer/errors.js'
import type { Context, NextKeyScorer } from '../scorer/next-key-scorer.js'
import { BEGIN, END, UNKNOWN } from '../scorer/vocabulary.js'
import type { EngineChange, EngineModel, EngineParts, Judged, LineInput } from './engine-parts.js'
import { defer, isLeft, type Question, type Work, workOn, workOnEnds } from './engine-work.js'
import { noteUnscored, summarize } from './findings.js'
import type { SessionRule } from './line-rules.js'
import type { Occurrence } from './occurrence.js'
import { type ClosedSession, isTrueEnd, type Memory, type Session, type SessionTracker } from './session.js'
import { MAX_HISTORY, takeOver } from './take-over.js'
import { type Turn, Turns } from './turns.js'
import type { SessionSummary } from './verdict.js'

/** What reading a line gave beside its key. */
interface ReadLine {
  /** Without its header. */
  readonly line: string
  readonly level: string | undefined
  /** As Habits.steady has it. */
  readonly steadyMs: number
  /** As SessionTracker.nowMs. */
  readonly nowMs: number
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
  /** The next may start preparing while the last answers of the one before are computed. */
  readonly #turns = new Turns()
  /** Resolves when everything asked so far is answered. */
  #answered: Promise<void> = Promise.resolve()
  /** Tokens of the prefixes of all open questions: no more nodes than this are pinned, with all that leads to them. */
  #numHeld = 0
  readonly #closed: ClosedSession[] = []
  #parts: EngineParts

  /** @param tracker begins its sessions with `begin` of this engine */
  constructor(
    parts: EngineParts,
    readonly tracker: SessionTracker,
    readonly sessionRule: SessionRule,
  ) {
    this.#parts = parts
  }

  get parts(): EngineParts {
    return this.#parts
  }

  /** The memory of a session that has just begun. */
  begin(): Memory {
    const { model } = this.parts
    if (model !== undefined) return model.examiner.begin(model.scorer.begin())
    return {
      context: { tokens: [BEGIN], node: NO_NODE, stamp: 0 },
      tally: new Tally(),
      standing: { evidence: [], detectors: [] },
      clues: [],
    }
  }

  /** Judges lines. Never rejects for what lines hold; when the scorer fails they come back unscored. */
  judge(lines: readonly LineInput[]): Promise<Judged> {
    return this.#turns.run(() => this.#work(workOn(lines, this.tracker, this.parts.collect)))
  }

  /**
   * Gives a task the engine to itself, model and all, when everything asked before is decided. `decide` does work on sessions that are kept
   * elsewhere, and resolves when all of it is decided.
   */
  exclusively<T>(
    task: (decide: (work: Work) => Promise<Judged>, parts: EngineParts) => Promise<T>,
  ): Promise<T> {
    const decide = async (work: Work): Promise<Judged> => {
      const { prepared, result } = await this.#work(work)
      await prepared
      return result
    }
    return this.#turns.run(async () => {
      await this.#answered
      return { result: await task(decide, this.parts), prepared: Promise.resolve() }
    })
  }

  /** Closes all sessions: `complete` when the input has really ended, `open` when it merely stopped. */
  finish(reason: 'complete' | 'open'): Promise<SessionSummary[]> {
    return this.#close(closed => this.tracker.closeAll(reason, closed))
  }

  /** Closes the sessions of an origin that another replica goes on with (LineInput.origin). */
  release(origin: string): Promise<SessionSummary[]> {
    return this.#close(closed => this.tracker.closeFrom(origin, closed))
  }

  /** Closes sessions that have been silent for too long by the wall clock (milliseconds); call it now and then on live streams. */
  tick(nowWallMs: number): Promise<SessionSummary[]> {
    return this.#close(closed => this.tracker.closeSilent(nowWallMs, closed))
  }

  /**
   * Lets another model take over, between two lines: what was asked before is answered by the model before, and open sessions go on with what they
   * have shown so far.
   */
  async replace(change: EngineChange): Promise<void> {
    const before = this.#parts.model
    await this.#turns.run(async () => {
      await this.#answered
      for (const session of this.tracker.sessions()) takeOver(session, before, change.model)
      this.#parts = { ...this.#parts, ...change }
      return { prepared: Promise.resolve(), result: undefined }
    })
    await before?.scorer.close()
  }

  async close(): Promise<void> {
    await this.#turns.idle
    await this.parts.model?.scorer.close()
  }

  async #close(collect: (closed: ClosedSession[]) => void): Promise<SessionSummary[]> {
    const { summaries } = await this.#turns.run(() =>
      this.#work(workOnEnds(collect, this.tracker, this.parts.collect)),
    )
    return summaries.map(({ summary }) => summary)
  }

  async #work(work: Work): Promise<Turn<Judged>> {
    let settled: Promise<void> = Promise.resolve()
    while (isLeft(work)) {
      if (!this.#hasRoom) await this.#answered
      const questions = this.#prepare(work)
      const answered = this.#answer(questions, work)
      this.#answered = Promise.allSettled([this.#answered, answered]).then(() => {})
      // Two slices at a time: one being computed, one being prepared.
      await settled
      settled = answered
    }
    return { prepared: settled, result: work.judged }
  }

  get #hasRoom(): boolean {
    return this.#numHeld <= (this.parts.model?.scorer.maxHeld ?? Number.POSITIVE_INFINITY)
  }

  /** Turns work into questions, as many as fit one computation: one line can close any number of sessions. */
  #prepare(work: Work): Question[] {
    const questions: Question[] = []
    for (let i = 0; i < MAX_SLICE && isLeft(work) && this.#hasRoom; i++) {
      const end = work.ends.shift()
      if (end !== undefined) this.#askEnd(end.closed, end.index, questions, work)
      else this.#ask(work.lines[work.next]!, work.next++, questions, work)
    }
    return questions
  }

  #ask(input: LineInput, index: number, questions: Question[], { tracker, ends, judged }: Work): void {
    const { line } = input
    const { verdicts } = judged
    if (line === undefined) {
      verdicts[index] = { status: 'unscored' }
      return
    }
    const { reader, drain, model } = this.parts
    reader.read(line)
    const { content, contentStart, timeMs, level } = reader.slots
    const lineMs = Number.isNaN(timeMs) ? input.timeMs : timeMs
    const steadyMs = model?.habits.steady(lineMs) ?? Number.NaN
    const id = input.sessionId ?? reader.session(line, input.record)
    const key = content === undefined ? drain.learnKey(line, contentStart) : drain.learnKey(content)
    const cluster = drain.cluster(key)!
    if (id === undefined) {
      verdicts[index] = { status: 'unscored', ...named(cluster) }
      return
    }
    const closed = this.#closed
    const placed = tracker.place(id, lineMs, closed, input.origin)
    defer(closed, index, ends)
    if (model === undefined) {
      verdicts[index] = { status: 'learning', session: placed[0]!.id, ...named(cluster) }
    } else {
      const read = { line: content ?? line, level, steadyMs, nowMs: tracker.nowMs }
      questions.push({ index, occurrence: this.#occurrence(model, placed, key, cluster, read) })
    }
    for (let i = 0; i < placed.length; i++) this.#enterLine(placed[i]!, cluster, input.origin)
    if (reader.isEnd(line)) {
      tracker.end(id, closed)
      defer(closed, index + 1, ends)
    }
  }

  /** The question about a line in its sessions, whose contexts move on past it. */
  #occurrence(
    { keys, scorer, habits, nextKey }: EngineModel,
    placed: readonly Session[],
    key: number,
    cluster: Cluster,
    { line, level, steadyMs, nowMs }: ReadLine,
  ): Occurrence {
    const { context } = placed[0]!
    const token = keys.token(key)
    const occurrence = {
      node: this.#enter(scorer, context, token),
      token,
      previous: context.tokens[context.tokens.length - 1]!,
      recent: nextKey.recent(context.tokens),
      sessions: placed.slice(),
      template: cluster.template,
      templateId: cluster.id,
      timeMs: Number.isFinite(nowMs) ? nowMs : Number.NaN,
      content: habits.content(line, cluster, token),
      level: token === UNKNOWN ? habits.level(level) : undefined,
      timing: habits.timing(placed, token, steadyMs),
    }
    for (let i = 0; i < placed.length; i++) scorer.append(placed[i]!.context, token)
    return occurrence
  }

  #enterLine(session: Session, { id }: Cluster, origin: string | undefined): void {
    session.numEvents++
    session.origin = origin
    session.lastTemplate = id
    const { keepsHistory, model } = this.parts
    if (keepsHistory !== true && model !== undefined) return
    session.history ??= []
    if (session.history.length < MAX_HISTORY) session.history.push(id)
  }

  #enter(scorer: NextKeyScorer, context: Context, observed: number): number {
    const node = scorer.enter(context, observed)
    this.#numHeld += scorer.tree.depth(node)
    return node
  }

  /** A true end is a question to the model; any other close only waits its turn to be judged by what came and summed up. */
  #askEnd(end: ClosedSession, index: number, questions: Question[], work: Work): void {
    const { session, reason } = end
    const { model } = this.parts
    if (model === undefined) {
      this.#conclude(end, index, work, undefined)
      return
    }
    questions.push({
      index,
      ending: {
        node: isTrueEnd(reason) ? this.#enter(model.scorer, session.context, END) : NO_NODE,
        previous: session.context.tokens.at(-1)!,
        recent: model.nextKey.recent(session.context.tokens),
        sessions: [session],
        closed: reason,
        timeMs: session.lastMs,
        mayPause: this.parts.pauses.mayPause(end, work.tracker),
      },
    })
  }

  async #answer(questions: readonly Question[], work: Work): Promise<void> {
    const { model, onScorerFailure } = this.parts
    if (model === undefined) return
    const { scorer, examiner } = model
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
        work.judged.verdicts[index] = isComputed
          ? examiner.event(tree, occurrence)
          : examiner.unscored(occurrence)
      } else {
        if (isComputed) examiner.end(tree, ending)
        else noteUnscored(ending.sessions)
        this.#conclude({ session: ending.sessions[0]!, reason: ending.closed }, index, work, model)
      }
      if (node !== NO_NODE) tree.unpin(node)
    }
  }

  #conclude(closed: ClosedSession, after: number, work: Work, model: EngineModel | undefined): void {
    work.judged.summaries.push({ after, summary: summarize(closed, model?.examiner.parts) })
    work.collect?.(closed)
  }
}

const named = ({ template, id }: Cluster) => ({ template, template_id: id })
