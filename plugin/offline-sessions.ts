import { NextKey } from '../scorer/detectors/next-key.js'
import type { OfflineJudge } from '../scorer/offline-judge.js'
import { SequenceScorer, type SequenceScores } from '../scorer/sequence-scorer.js'
import type { TrainedModel } from '../scorer/trained-model.js'
import type { RunOptions } from './cli/device-options.js'
import type { SessionOutcome } from './evaluation.js'

/** A complete session and what the model says of it, whatever it is judged by. */
export interface ScoredSession {
  /** Its keys (T). */
  readonly tokens: Int32Array
  /** Of its keys and its end (T + 1). */
  readonly scores: SequenceScores
}

/** Scores complete sessions all at once, to be judged at one setting or several. */
export async function scoreSessions(
  {
    config,
    parameters,
    vocabulary,
    transitions,
  }: Pick<TrainedModel, 'config' | 'parameters' | 'vocabulary' | 'transitions'>,
  sessions: readonly { readonly keys: readonly string[] }[],
  options: RunOptions = {},
): Promise<ScoredSession[]> {
  const sequences = sessions.map(({ keys }) => ({
    tokens: Int32Array.from(keys, key => vocabulary.id(key)),
    ended: true,
  }))
  const scorer = await SequenceScorer.loadStored({ config, parameters }, options)
  const scores = await scorer.score(undefined, sequences)
  await scorer.release()
  const nextKey = new NextKey(transitions)
  return sequences.map((sequence, i) => ({
    tokens: sequence.tokens,
    scores: nextKey.score(sequence, scores[i]!),
  }))
}

export function judgeSessions(judge: OfflineJudge, sessions: readonly ScoredSession[]): SessionOutcome[] {
  return sessions.map(({ tokens, scores }) => {
    const judgement = judge.session(tokens, scores)
    return { ...judgement, isFlagged: judgement.flaggedAt !== undefined, numEvents: tokens.length }
  })
}
