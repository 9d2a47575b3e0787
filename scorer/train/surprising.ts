import type { Statistics } from '../detectors/detector.js'
import { likeliest } from '../likeliest.js'
import type { GptNeoConfig } from '../model/config.js'
import { segments, type TokenSequence } from '../segments.js'
import type { SequenceScores } from '../sequence-scorer.js'
import { StepEngine } from '../step-engine.js'
import type { SurprisingSession } from '../trained-model.js'
import { sequenceSurprise } from '../validation.js'
import { END, UNKNOWN, type Vocabulary } from '../vocabulary.js'
import type { KeySequence } from './train.js'

const NUM_SESSIONS = 10
const NUM_EXPECTED = 3

/** A held-out session, what its fold's model said of it, and that model's parameters (size). */
export interface JudgedSession {
  readonly source: KeySequence
  readonly sequence: TokenSequence
  readonly score: SequenceScores
  /** What the detectors found in it at most. */
  readonly statistics: Statistics
  readonly parameters: Float32Array
}

/** The held-out sessions with the largest surprises, those of the same keys once, and what was expected at each one's largest. */
export async function surprisingSessions(
  config: GptNeoConfig,
  vocabulary: Vocabulary,
  judged: readonly JudgedSession[],
  unknownSurprise: number,
): Promise<SurprisingSession[]> {
  const found: SurprisingSession[] = []
  for (const { source, sequence, score, parameters } of mostSurprising(judged)) {
    const surprises = score.surprises.map((surprise, i) =>
      sequence.tokens[i] === UNKNOWN ? unknownSurprise : surprise,
    )
    const worst = surprises.reduce((best, surprise, i) => (surprise > surprises[best]! ? i : best), 0)
    const engine = await StepEngine.create({
      config,
      parameters,
      precision: 'float32',
      device: {},
      numRows: 0,
    })
    const distribution = await predictionAt(engine, config, sequence, worst)
    await engine.release()
    found.push({
      id: source.id,
      keys: source.keys,
      surprises,
      worst,
      expected: expectedKeys(distribution, vocabulary),
    })
  }
  return found
}

function mostSurprising(judged: readonly JudgedSession[]): JudgedSession[] {
  const seen = new Set<string>()
  const chosen: JudgedSession[] = []
  for (const session of judged.toSorted(
    (a, b) => sequenceSurprise(b.statistics) - sequenceSurprise(a.statistics),
  )) {
    if (chosen.length === NUM_SESSIONS) break
    const keys = JSON.stringify(session.source.keys)
    if (!seen.has(keys)) chosen.push(session)
    seen.add(keys)
  }
  return chosen
}

/** Log-probabilities (V) of the session's target `at`, from as much of the session as its segment holds. */
async function predictionAt(
  engine: StepEngine,
  { contextLength, vocabularySize }: GptNeoConfig,
  sequence: TokenSequence,
  at: number,
): Promise<Float32Array> {
  let first = 0
  for (const { inputs, scoredFrom } of segments(sequence, contextLength)) {
    const place = scoredFrom + at - first
    first += inputs.length - scoredFrom
    if (at >= first) continue
    const tokens = inputs.slice(0, place + 1)
    const logProbabilities = await engine.run({
      batch: 1,
      time: tokens.length,
      tokens,
      rows: new Int32Array(tokens.length).fill(-1),
      past: 0,
      pastRows: new Int32Array(0),
      pastLengths: new Int32Array(1),
    })
    return logProbabilities.subarray(place * vocabularySize)
  }
  throw new RangeError(`a session has no event ${at}`)
}

/** The likeliest keys, or the end (undefined); what no log line stands for is left out. */
function expectedKeys(distribution: Float32Array, vocabulary: Vocabulary): SurprisingSession['expected'] {
  return likeliest(distribution, NUM_EXPECTED + 1)
    .filter(({ token }) => token === END || vocabulary.key(token) !== undefined)
    .slice(0, NUM_EXPECTED)
    .map(({ token, probability }) => ({ key: vocabulary.key(token), probability }))
}
