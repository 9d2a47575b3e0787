import { type Evaluation, evaluateSessions, type SessionOutcome } from '../../plugin/evaluation.js'
import { NextKey } from '../../scorer/detectors/next-key.js'
import { sequenceGraph } from '../../scorer/model/sequence-graph.js'
import { SequenceScorer, type SequenceScores } from '../../scorer/sequence-scorer.js'
import type { KeySequence } from '../../scorer/train/train.js'
import type { TrainedModel } from '../../scorer/trained-model.js'
import { topKForRate } from '../../scorer/validation.js'
import { UNKNOWN } from '../../scorer/vocabulary.js'
import type { LabelledSessions } from './sessions.js'
import { surpriseThreshold } from './surprise-threshold.js'

/** Whether a session is flagged, by its largest surprise and its largest rank. */
type Decision = (model: TrainedModel) => (surprise: number, rank: number) => boolean

const bySurprise =
  (rate: number): Decision =>
  ({ validation }) => {
    const threshold = surpriseThreshold(validation, rate)
    return surprise => surprise >= threshold
  }

/** Ways to decide, all from the language model alone. */
export const DECISIONS: Readonly<Record<string, Decision>> = {
  'rate .002': bySurprise(0.002),
  'rate .001': bySurprise(0.001),
  'top-k auto': ({ validation }) => {
    const k = topKForRate(validation, 0.002)
    return (_, rank) => rank >= k
  },
}

/** Judges labelled sessions with a model, by each decision. */
export async function judgeAll(
  model: TrainedModel,
  { normal, abnormal, normalPopulation }: LabelledSessions,
): Promise<Record<string, Evaluation>> {
  const scorer = await SequenceScorer.load(model.config, sequenceGraph(model.config))
  const largest = async (sessions: readonly KeySequence[]): Promise<Largest[]> => {
    const sequences = sessions.map(({ keys, ended }) => ({
      tokens: Int32Array.from(keys, key => model.vocabulary.id(key)),
      ended,
    }))
    const scores = await scorer.score(model.parameters, sequences)
    const nextKey = new NextKey(model.transitions)
    return scores.map((score, i) => {
      const sequence = sequences[i]!
      return largestOf(sequence.tokens, nextKey.score(sequence, score), model)
    })
  }
  const [normals, abnormals] = [await largest(normal), await largest(abnormal)]
  await scorer.release()
  return Object.fromEntries(
    Object.entries(DECISIONS).map(([name, decision]) => {
      const decide = decision(model)
      const outcome = ({ surprise, rank }: Largest): SessionOutcome => ({
        isFlagged: decide(surprise, rank),
        score: surprise,
        reasons: new Set(),
      })
      return [name, evaluateSessions(normals.map(outcome), abnormals.map(outcome), normalPopulation)]
    }),
  )
}

interface Largest {
  readonly surprise: number
  readonly rank: number
}

function largestOf(
  tokens: Int32Array,
  { surprises, ranks }: SequenceScores,
  { unknownSurprise, config }: TrainedModel,
): Largest {
  let surprise = 0
  let rank = 0
  for (let i = 0; i < surprises.length; i++) {
    const isKnown = tokens[i] !== UNKNOWN
    surprise = Math.max(surprise, isKnown ? surprises[i]! : unknownSurprise)
    rank = Math.max(rank, isKnown ? ranks[i]! : config.vocabularySize)
  }
  return { surprise, rank }
}
