import type { Composition } from '../scorer/composition/composition.js'
import {
  type Finding,
  type Findings,
  noFindings,
  reset,
  showFindings,
} from '../scorer/composition/findings.js'
import { Tally } from '../scorer/composition/tally.js'
import {
  DETECTOR_INDEX,
  type DetectorName,
  newStatistics,
  UNSEEN_RARITY,
} from '../scorer/detectors/detector.js'
import type { NextKey } from '../scorer/detectors/next-key.js'
import type { UnseenKey } from '../scorer/detectors/unseen-key.js'
import type { Judge, Judgement } from '../scorer/judge.js'
import type { Context, Predictions } from '../scorer/next-key-scorer.js'
import { END, UNKNOWN } from '../scorer/vocabulary.js'
import type { Adopter } from './adopt/adopter.js'
import { expectedNext, explain } from './explain.js'
import { explainOddity } from './explain-oddity.js'
import { evidenceOf, note, noteLine, noteUnscored, strongestFirst } from './findings.js'
import { explainHabit, explainLevel } from './habits/explain-habit.js'
import type { HabitFinding } from './habits/finding.js'
import type { Keys } from './keys.js'
import type { Ending, Occurrence } from './occurrence.js'
import { silenceSurprise } from './pauses.js'
import { type Clue, isTrueEnd, type Memory, type Session } from './session.js'
import type { Verdict } from './verdict.js'

export interface ExaminerParts {
  readonly bundleId: string
  readonly keys: Keys
  readonly judge: Judge
  readonly composition: Composition
  readonly nextKey: NextKey
  readonly unseenKey: UnseenKey
  /** Says what is taken as normal though it was not in training. */
  readonly adopter: Adopter
}

/** An event that is being judged, for sentences about it. */
interface Told {
  /** Puts into words what the model expected instead. */
  readonly sequence: () => string
  readonly occurrence?: Occurrence
  readonly timing?: HabitFinding | undefined
}

/** What was found about a line in its first session. */
interface Decided {
  readonly surprise: number
  readonly rank: number
  readonly judgement: Judgement
  readonly message: string | undefined
}

/** Gathers what each detector has to say about an event, has it judged, and puts the verdict into words. */
export class Examiner {
  readonly #shown = newStatistics()
  readonly #findings: Findings

  constructor(readonly parts: ExaminerParts) {
    this.#findings = noFindings(parts.adopter.filter)
  }

  /** The memory of a session that has just begun. */
  begin(context: Context): Memory {
    return { context, tally: new Tally(), standing: this.parts.judge.begin(), clues: [] }
  }

  /** Judges a line in all its sessions. @returns the verdict of the first */
  event(tree: Predictions, occurrence: Occurrence): Verdict {
    const { node, token, recent, sessions } = occurrence
    const { judge, adopter, composition, nextKey, unseenKey } = this.parts
    const isKnown = token !== UNKNOWN
    const detector = isKnown ? 'next-key' : 'unseen-key'
    const surprise = isKnown
      ? nextKey.surprise(tree.surprise(node, token), token, recent)
      : unseenKey.first + (occurrence.level?.surprise ?? 0)
    const rank = isKnown ? tree.rank(node, token) : tree.vocabularySize
    let verdict: Verdict | undefined
    for (let i = 0; i < sessions.length; i++) {
      const session = sessions[i]!
      const content = this.#habit(session, occurrence, 'parameter', occurrence.content)
      const timing = this.#habit(session, occurrence, 'time-gap', occurrence.timing[i])
      this.#clear()
      const isNormal = adopter.passes(session, occurrence, detector, surprise)
      // A line of a template that was adopted counts for nothing; a known one counts wherever it comes.
      if (isKnown || !isNormal) composition.observe(session.tally, token, this.#findings)
      this.#showHabits(content, timing)
      const more = isKnown || isNormal ? 0 : unseenKey.more(session.tally.count(UNKNOWN))
      this.#show(detector, isNormal ? 0 : surprise + more, isNormal ? 0 : rank)
      if (judge.needsRarity && !isNormal)
        this.#shown[DETECTOR_INDEX.rarity] = isKnown ? tree.rarity(node, token) : UNSEEN_RARITY
      const judgement = judge.judge(session.standing, this.#shown)
      const message = isQuiet(judgement)
        ? undefined
        : this.#tell(session, judgement, this.#toldOf(tree, occurrence, surprise, timing))
      note(session, judgement, message)
      if (judgement.isAnomaly) adopter.flagged(session, occurrence.timeMs)
      if (i === 0) noteLine(session, judgement)
      verdict ??= this.#verdict(tree, occurrence, { surprise, rank, judgement, message })
    }
    return verdict!
  }

  #toldOf(
    tree: Predictions,
    occurrence: Occurrence,
    surprise: number,
    timing: HabitFinding | undefined,
  ): Told {
    const { template, token, level } = occurrence
    const sequence = (): string =>
      this.#explainSequence(tree, occurrence, template, token !== UNKNOWN, surprise) + explainLevel(level)
    return { sequence, occurrence, timing }
  }

  /** What is told of a line in the first of its sessions. */
  #verdict(
    tree: Predictions,
    { node, recent, sessions, template, templateId }: Occurrence,
    { surprise, rank, judgement, message }: Decided,
  ): Verdict {
    const { judge, bundleId } = this.parts
    const { isAnomaly, score, severity, reasons } = judgement
    const session = sessions[0]!
    const verdict: Verdict = {
      status: 'scored',
      anomaly: isAnomaly,
      score,
      severity,
      session: session.id,
      template,
      template_id: templateId,
      rank,
      surprise,
      model: bundleId,
    }
    if (!isAnomaly) return verdict
    const evidence = evidenceOf(session, judge)
    return {
      ...verdict,
      reasons,
      message: message!,
      evidence,
      expected: expectedNext(this.parts, tree, node, recent),
    }
  }

  /** Judges what the close of a session shows: its end, where it was a true one, and what the session is made of, where nothing is missing. */
  end(tree: Predictions, ending: Ending): void {
    const { closed, mayPause, timeMs } = ending
    const session = ending.sessions[0]!
    const isWhole = isTrueEnd(closed) || closed === 'window'
    if (isWhole) this.#conclude(tree, ending, session)
    this.parts.adopter.closed(session, { isWhole, mayPause, timeMs })
  }

  #conclude(tree: Predictions, ending: Ending, session: Session): void {
    const { closed, mayPause, node, previous, timeMs } = ending
    this.#clear()
    this.parts.composition.conclude(session.tally, this.#findings)
    for (const finding of Object.values(this.#findings))
      finding.surprise = silenceSurprise(finding.surprise, mayPause)
    if (isTrueEnd(closed)) {
      const surprise = silenceSurprise(tree.surprise(node, END), mayPause)
      const place = { previous, token: END, templateId: undefined, timeMs }
      const isNormal = this.parts.adopter.passes(session, place, 'session-end', surprise)
      this.#show('session-end', isNormal ? 0 : surprise, isNormal ? 0 : tree.rank(node, END))
      if (this.parts.judge.needsRarity && !isNormal)
        this.#shown[DETECTOR_INDEX.rarity] = tree.rarity(node, END)
      const sequence = (): string => this.#explainSequence(tree, ending, undefined, true, surprise)
      this.#decide(session, { sequence })
    } else {
      showFindings(this.#shown, this.#findings)
      this.#decide(session, { sequence: () => '' })
    }
  }

  /** Passes a line on that the scorer failed on. */
  unscored({ sessions, token, template, templateId }: Occurrence): Verdict {
    for (const { tally } of sessions) tally.add(token)
    noteUnscored(sessions)
    return { status: 'unscored', session: sessions[0]!.id, template, template_id: templateId }
  }

  #clear(): void {
    this.#shown.fill(0)
    reset(this.#findings)
  }

  #show(detector: DetectorName, surprise: number, rank: number): void {
    this.#shown[DETECTOR_INDEX[detector]] = surprise
    this.#shown[DETECTOR_INDEX['top-k']] = rank
    showFindings(this.#shown, this.#findings)
  }

  /** What is odd about a line's values or time, unless that is taken as normal. */
  #habit(
    session: Session,
    occurrence: Occurrence,
    detector: 'parameter' | 'time-gap',
    finding: HabitFinding | undefined,
  ): HabitFinding | undefined {
    const isNormal =
      finding === undefined || this.parts.adopter.passesHabit(session, occurrence, detector, finding.surprise)
    return isNormal ? undefined : finding
  }

  #showHabits(content: HabitFinding | undefined, timing: HabitFinding | undefined): void {
    this.#shown[DETECTOR_INDEX.parameter] = content?.surprise ?? 0
    this.#shown[DETECTOR_INDEX['time-gap']] = timing?.surprise ?? 0
  }

  #decide(session: Session, event: Told): void {
    const judgement = this.parts.judge.judge(session.standing, this.#shown)
    note(session, judgement, isQuiet(judgement) ? undefined : this.#tell(session, judgement, event))
  }

  /** Puts what an event raised into words for the session to keep. @returns those of an anomaly */
  #tell(session: Session, { raised, isAnomaly }: Judgement, event: Told): string | undefined {
    for (const view of raised) session.clues[view] = this.#clue(session, view, event)
    return isAnomaly ? this.#message(session, event) : undefined
  }

  /** What a view's strongest detector has just found. */
  #clue(session: Session, view: number, event: Told): Clue {
    const { judge } = this.parts
    const detector = judge.detectorOf(session.standing, view)
    return {
      detector,
      surprise: this.#shown[DETECTOR_INDEX[detector]]!,
      message: this.#sentence(session, detector, event),
    }
  }

  #sentence(session: Session, detector: DetectorName, { sequence, occurrence, timing }: Told): string {
    const habit =
      detector === 'parameter' ? occurrence?.content : detector === 'time-gap' ? timing : undefined
    if (habit !== undefined)
      return explainHabit(habit, occurrence!.template, this.parts.keys.template(occurrence!.previous))
    const finding = (this.#findings as Readonly<Partial<Record<DetectorName, Finding>>>)[detector]
    // That a key is unseen is what the sequence says too.
    if (finding === undefined || finding.kind === 'unseen') return sequence()
    return explainOddity(finding, session.tally, this.parts.keys)
  }

  /** The sentences of all views, the strongest first. */
  #message(session: Session, { sequence }: Told): string {
    const different = new Set(strongestFirst(session).map(({ message }) => message))
    return different.size === 0 ? sequence() : [...different].join('; also, ')
  }

  #explainSequence(
    tree: Predictions,
    { node, previous, recent }: Pick<Occurrence, 'node' | 'previous' | 'recent'>,
    template: string | undefined,
    isKnown: boolean,
    surprise: number,
  ): string {
    const expected = expectedNext(this.parts, tree, node, recent)
    return explain({ template, isKnown, surprise }, previous, expected, this.parts.keys)
  }
}

/** Whether nothing is to be told of an event, as of nearly all: no words are looked for then. */
function isQuiet({ isAnomaly, raised }: Judgement): boolean {
  return !isAnomaly && raised.length === 0
}
