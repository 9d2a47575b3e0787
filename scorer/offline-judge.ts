import { Composition } from './composition/composition.js'
import { type Findings, noFindings, reset, showFindings } from './composition/findings.js'
import { Tally } from './composition/tally.js'
import { DETECTOR_INDEX, type DetectorName, newStatistics, UNSEEN_RARITY } from './detectors/detector.js'
import { UnseenKey } from './detectors/unseen-key.js'
import { type Calibrated, Judge, type Judgement, type JudgeOptions } from './judge.js'
import type { SequenceScores } from './sequence-scorer.js'
import type { TrainedModel } from './trained-model.js'
import { UNKNOWN } from './vocabulary.js'

/** What was decided about a whole session. */
export interface SessionJudgement {
  /** The score of its strangest event. */
  readonly score: number
  readonly reasons: ReadonlySet<DetectorName>
  /** Zero-based number of the first event flagged; the number of keys where it was the end, undefined where nothing was. */
  readonly flaggedAt: number | undefined
}

/** Judges complete sessions whose scores are known, event by event, as they would have been judged live. */
export class OfflineJudge {
  readonly judge: Judge
  readonly #composition: Composition
  readonly #shown = newStatistics()
  readonly #findings: Findings = noFindings()
  readonly #unseenKey: UnseenKey
  readonly #vocabularySize: number

  constructor(
    bundle: Calibrated & Pick<TrainedModel, 'composition' | 'unknownSurprise' | 'vocabulary' | 'config'>,
    options: JudgeOptions = {},
  ) {
    this.judge = new Judge(bundle, options)
    this.#composition = new Composition(bundle.composition)
    this.#unseenKey = new UnseenKey(bundle.unknownSurprise, bundle.composition)
    this.#vocabularySize = bundle.config.vocabularySize
  }

  /** @param tokens the session's keys (T) @param scores of its keys and its end (T + 1) */
  session(tokens: Int32Array, scores: SequenceScores): SessionJudgement {
    const standing = this.judge.begin()
    const tally = new Tally()
    const reasons = new Set<DetectorName>()
    let score = 0
    let flaggedAt: number | undefined
    const take = (judgement: Judgement, at: number): void => {
      score = Math.max(score, judgement.score)
      if (!judgement.isAnomaly) return
      for (const reason of judgement.reasons) reasons.add(reason)
      flaggedAt ??= at
    }
    tokens.forEach((token, i) => {
      this.#reset()
      this.#composition.observe(tally, token, this.#findings)
      this.#show(token === UNKNOWN ? 'unseen-key' : 'next-key', token, tally, scores, i)
      take(this.judge.judge(standing, this.#shown), i)
    })
    this.#reset()
    this.#composition.conclude(tally, this.#findings)
    this.#show('session-end', undefined, tally, scores, tokens.length)
    take(this.judge.judge(standing, this.#shown), tokens.length)
    return { score, reasons, flaggedAt }
  }

  #reset(): void {
    this.#shown.fill(0)
    reset(this.#findings)
  }

  #show(
    detector: DetectorName,
    token: number | undefined,
    tally: Tally,
    { surprises, ranks, rarities }: SequenceScores,
    at: number,
  ): void {
    const isKnown = token !== UNKNOWN
    this.#shown[DETECTOR_INDEX[detector]] = isKnown
      ? surprises[at]!
      : this.#unseenKey.surprise(tally.count(UNKNOWN))
    this.#shown[DETECTOR_INDEX['top-k']] = isKnown ? ranks[at]! : this.#vocabularySize
    this.#shown[DETECTOR_INDEX.rarity] = isKnown ? rarities[at]! : UNSEEN_RARITY
    showFindings(this.#shown, this.#findings)
  }
}
