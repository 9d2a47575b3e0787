import type { Composition } from '../scorer/composition/composition.js'
import {
  type Finding,
  type Findings,
  noFindings,
  reset,
  showFindings,
} from '../scorer/composition/findings.js'
import { Tally } from '../scorer/composition/tally.js'
import { DETECTOR_INDEX, type DetectorName, newStatistics } from '../scorer/detectors/detector.js'
import type { Judge, Judgement } from '../scorer/judge.js'
import type { PrefixTree } from '../scorer/prefix-tree.js'
import type { Context } from '../scorer/scorer.js'
import { END, UNKNOWN } from '../scorer/vocabulary.js'
import type { Adopter } from './adopt/adopter.js'
import { expectedNext, explain } from './explain.js'
import { explainOddity } from './explain-oddity.js'
import { note, noteUnscored } from './findings.js'
import type { Keys } from './keys.js'
import { silenceSurprise } from './pauses.js'
import { type CloseReason, isTrueEnd, type Memory, type Session } from './session.js'
import type { Verdict } from './verdict.js'

/** A line in its session, once the prefix before it is known. */
export interface Occurrence {
  readonly node: number
  readonly token: number
  /** The token before. */
  readonly previous: number
  /** All sessions it counts in; it is judged in the first. */
  readonly sessions: readonly Session[]
  /** As the template reads at this point: later lines may widen it. */
  readonly template: string
  readonly templateId: string
  /** Time as the log tells it when the line came, in milliseconds since the epoch; NaN without times. */
  readonly timeMs: number
}

/** The end of a session, or its being cut off. */
export interface Ending {
  /** Where a true end comes; the prefix before it is known. */
  readonly node: number
  readonly previous: number
  readonly sessions: readonly Session[]
  readonly closed: CloseReason
  /** Share of the pauses there that last longer than the session has been quiet. */
  readonly mayPause: number
  /** Time of its last line. */
  readonly timeMs: number
}

export interface ExaminerParts {
  readonly bundleId: string
  readonly keys: Keys
  readonly judge: Judge
  readonly composition: Composition
  /** Surprise of keys that were not there in training. */
  readonly unknownSurprise: number
  /** Says what is taken as normal though it was not in training. */
  readonly adopter: Adopter
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
    return { context, tally: new Tally(), standing: this.parts.judge.begin(), sentences: [] }
  }

  /** Judges a line in all its sessions. @returns the verdict of the first */
  event(tree: PrefixTree, occurrence: Occurrence): Verdict {
    const { node, token, sessions, template, templateId } = occurrence
    const isKnown = token !== UNKNOWN
    const surprise = isKnown ? tree.surprise(node, token) : this.parts.unknownSurprise
    const rank = isKnown ? tree.rank(node, token) : tree.vocabularySize
    let verdict: Verdict | undefined
    const detector = isKnown ? 'next-key' : 'unseen-key'
    const { adopter, composition } = this.parts
    for (const session of sessions) {
      this.#clear()
      const isNormal = adopter.passes(session, occurrence, detector, surprise)
      // A line of a template that was adopted counts for nothing; a known one counts wherever it comes.
      if (isKnown || !isNormal) composition.observe(session.tally, token, this.#findings)
      this.#show(detector, isNormal ? 0 : surprise, isNormal ? 0 : rank)
      const sequence = (): string => this.#explainSequence(tree, occurrence, template, isKnown, surprise)
      const { judgement, message } = this.#decide(session, sequence)
      if (judgement.isAnomaly) adopter.flagged(session, occurrence.timeMs)
      verdict ??= {
        status: 'scored',
        anomaly: judgement.isAnomaly,
        score: judgement.score,
        severity: judgement.severity,
        session: session.id,
        template,
        template_id: templateId,
        rank,
        surprise,
        model: this.parts.bundleId,
        ...(judgement.isAnomaly && {
          reasons: judgement.reasons,
          message: message!,
          expected: expectedNext(tree, node, this.parts.keys),
        }),
      }
    }
    return verdict!
  }

  /** Judges what the close of a session shows: its end, where it was a true one, and what the session is made of, where nothing is missing. */
  end(tree: PrefixTree, ending: Ending): void {
    const { closed, mayPause, timeMs } = ending
    const session = ending.sessions[0]!
    const isWhole = isTrueEnd(closed) || closed === 'window'
    if (isWhole) this.#conclude(tree, ending, session)
    this.parts.adopter.closed(session, { isWhole, mayPause, timeMs })
  }

  #conclude(tree: PrefixTree, ending: Ending, session: Session): void {
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
      this.#decide(session, () => this.#explainSequence(tree, ending, undefined, true, surprise))
    } else {
      showFindings(this.#shown, this.#findings)
      this.#decide(session, () => '')
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

  #decide(session: Session, sequence: () => string): { judgement: Judgement; message: string | undefined } {
    const { judge } = this.parts
    const judgement = judge.judge(session.standing, this.#shown)
    for (const view of judgement.raised) session.sentences[view] = this.#sentence(session, view, sequence)
    const message = judgement.isAnomaly ? this.#message(session, sequence) : undefined
    note(session, judgement, message)
    return { judgement, message }
  }

  /** What a view's strongest detector has just found, in words. */
  #sentence(session: Session, view: number, sequence: () => string): string {
    const detector = this.parts.judge.detectorOf(session.standing, view)
    const finding = (this.#findings as Readonly<Partial<Record<DetectorName, Finding>>>)[detector]
    // That a key is unseen is what the sequence says too.
    if (finding === undefined || finding.kind === 'unseen') return sequence()
    return explainOddity(finding, session.tally, this.parts.keys)
  }

  /** The sentences of all views, the strongest first. */
  #message({ standing, sentences }: Session, sequence: () => string): string {
    const known = sentences
      .map((sentence, view) => ({ sentence, evidence: standing.evidence[view]! }))
      .filter(({ sentence }) => sentence !== undefined)
      .sort((a, b) => b.evidence - a.evidence)
    const different = new Set(known.map(({ sentence }) => sentence))
    return different.size === 0 ? sequence() : [...different].join('; also, ')
  }

  #explainSequence(
    tree: PrefixTree,
    { node, previous }: { readonly node: number; readonly previous: number },
    template: string | undefined,
    isKnown: boolean,
    surprise: number,
  ): string {
    const { keys } = this.parts
    return explain({ template, isKnown, surprise }, previous, expectedNext(tree, node, keys), keys)
  }
}
