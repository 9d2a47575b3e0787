import type { NextKey } from '../detectors/next-key.js'
import { type LikelyToken, likeliest } from '../likeliest.js'
import type { GptNeoConfig } from '../model/config.js'
import { segments, type TokenSequence, withEdges } from '../segments.js'
import { StepEngine } from '../step-engine.js'
import type { SurprisingSession } from '../trained-model.js'
import { sequenceSurprise } from '../validation.js'
import { END, type Vocabulary } from '../vocabulary.js'
import type { HeldOutSession, JudgedSession } from './held-out-statistics.js'

const NUM_SESSIONS = 10
const NUM_EXPECTED = 3

/** A held-out session, and the parameters (size) of the model that judged it. */
interface Candidate extends HeldOutSession, JudgedSession {
  readonly parameters: Float32Array
  /** With counts of the sessions that model was trained on. */
  readonly nextKey: NextKey
}

/** The held-out sessions with the largest surprises, those of the same keys once, and what was expected at each one's largest. */
export async function surprisingSessions(
  config: GptNeoConfig,
  vocabulary: Vocabulary,
  judged: readonly Candidate[],
): Promise<SurprisingSession[]> {
  const found: SurprisingSession[] = []
  for (const { source, sequence, surprises, parameters, nextKey } of mostSurprising(judged)) {
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
    const likely = likeliest(distribution, NUM_EXPECTED + 1)
    const recent = nextKey.recent(withEdges(sequence), worst + 1)
    found.push({
      id: source.id,
      keys: source.keys,
      surprises,
      worst,
      expected: expectedKeys(nextKey.expected(likely, recent), vocabulary),
    })
  }
  return found
}

function mostSurprising(judged: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  const chosen: Candidate[] = []
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
function expectedKeys(likely: readonly LikelyToken[], vocabulary: Vocabulary): SurprisingSession['expected'] {
  return likely
    .filter(({ token }) => token === END || vocabulary.key(token) !== undefined)
    .slice(0, NUM_EXPECTED)
    .map(({ token, probability }) => ({ key: vocabulary.key(token), probability }))
}
