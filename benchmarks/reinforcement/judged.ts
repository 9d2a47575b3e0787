import { type Evaluation, evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import { Judge, type JudgeOptions } from '../../scorer/judge.js'
import { sequenceGraph } from '../../scorer/model/sequence-graph.js'
import { SequenceScorer, type SequenceScores } from '../../scorer/sequence-scorer.js'
import type { KeySequence } from '../../scorer/train/train.js'
import type { TrainedModel } from '../../scorer/trained-model.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'
import type { LabelledSessions } from './sessions.js'

/** Ways to decide, all from the language model alone. */
export const DECISIONS: Readonly<Record<string, JudgeOptions>> = {
  'rate .002': { falseAlarmRate: 0.002, detectors: ['next-key', 'unseen-key', 'session-end'] },
  'rate .001': { falseAlarmRate: 0.001, detectors: ['next-key', 'unseen-key', 'session-end'] },
  'top-k auto': { falseAlarmRate: 0.002, detectors: ['top-k'], topK: 'auto' },
}

/** Judges labelled sessions with a model, by each decision. */
export async function judgeAll(
  model: TrainedModel,
  { normal, abnormal, normalPopulation }: LabelledSessions,
): Promise<Record<string, Evaluation>> {
  const scorer = await SequenceScorer.load(model.config, sequenceGraph(model.config))
  const scored = async (sessions: readonly KeySequence[]): Promise<ScoredSession[]> => {
    const sequences = sessions.map(({ keys, ended }) => ({
      tokens: Int32Array.from(keys, key => model.vocabulary.id(key)),
      ended,
    }))
    const scores = await scorer.score(model.parameters, sequences)
    return scores.map((score, i) => ({ ...score, tokens: sequences[i]!.tokens }))
  }
  const [normals, abnormals] = [await scored(normal), await scored(abnormal)]
  await scorer.release()
  return Object.fromEntries(
    Object.entries(DECISIONS).map(([name, options]) => {
      const judge = new Judge(model.calibration, model.vocabulary.keys.length, options)
      const outcome = (session: ScoredSession): SessionOutcome => judgeSession(judge, session, model)
      return [name, evaluateSessions(normals.map(outcome), abnormals.map(outcome), normalPopulation)]
    }),
  )
}

interface ScoredSession extends SequenceScores {
  readonly tokens: Int32Array
}

function judgeSession(
  judge: Judge,
  { tokens, surprises, ranks }: ScoredSession,
  { unknownSurprise, config }: TrainedModel,
): SessionOutcome {
  let largest = 0
  const reasons = new Set<string>()
  for (let i = 0; i < surprises.length; i++) {
    const isKnown = tokens[i] !== UNKNOWN
    const surprise = isKnown ? surprises[i]! : unknownSurprise
    const rank = isKnown ? ranks[i]! : config.vocabularySize
    const kind = i === tokens.length ? 'end' : 'key'
    for (const reason of judge.judge({ kind, isKnown, surprise, rank }).reasons) reasons.add(reason)
    largest = Math.max(largest, surprise)
  }
  return { isFlagged: reasons.size > 0, score: largest, reasons }
}
