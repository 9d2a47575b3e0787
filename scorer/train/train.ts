import { calibrate } from '../calibrate.js'
import { TrainingDataError } from '../errors.js'
import { presetConfig } from '../model/config.js'
import { sequenceGraph } from '../model/sequence-graph.js'
import { Random } from '../random.js'
import type { TokenSequence } from '../segments.js'
import { SequenceScorer, type SequenceScores } from '../sequence-scorer.js'
import type { TrainedModel } from '../trained-model.js'
import { UNKNOWN, Vocabulary } from '../vocabulary.js'
import { type TrainProgress, trainMle } from './mle.js'
import { DEFAULT_TRAIN_OPTIONS, type TrainOptions } from './options.js'

/** The log keys of one session, in order, and whether its end was seen. */
export interface KeySequence {
  readonly keys: readonly string[]
  readonly ended: boolean
}

const MIN_SESSIONS = 20

/** Trains on sessions taken as normal. @throws TrainingDataError when there are fewer than 20 */
export async function train(
  sequences: readonly KeySequence[],
  options: TrainOptions = {},
  onProgress: (progress: TrainProgress) => void = () => {},
): Promise<TrainedModel> {
  const started = performance.now()
  const resolved = { ...DEFAULT_TRAIN_OPTIONS, ...options }
  const usable = sequences.filter(({ keys }) => keys.length > 0)
  if (usable.length < MIN_SESSIONS) {
    throw new TrainingDataError(
      `${usable.length} sessions are too few to train on; give at least ${MIN_SESSIONS}, or check how sessions are told apart`,
    )
  }
  const shuffled = new Random(resolved.seed).shuffle([...usable])
  const numValidation = Math.max(5, Math.floor(shuffled.length * resolved.validationShare))
  const validation = shuffled.slice(0, numValidation)
  const training = shuffled.slice(numValidation)

  const vocabulary = Vocabulary.of(usable.map(({ keys }) => keys))
  const config = presetConfig(resolved.preset, vocabulary.size)
  const learnt = new Set(training.flatMap(({ keys }) => keys))
  // A key that only validation sessions hold is as unseen to the model as a new one in production.
  const validationTokens = validation.map(({ keys, ended }) => ({
    tokens: Int32Array.from(keys, key => (learnt.has(key) ? vocabulary.id(key) : UNKNOWN)),
    ended,
  }))
  const surpriseOfUnknown = unknownSurprise(training)

  const scorer = await SequenceScorer.load(config, sequenceGraph(config))
  const { parameters, epochs } = await trainMle(
    config,
    training.map(({ keys, ended }) => ({ tokens: Int32Array.from(keys, key => vocabulary.id(key)), ended })),
    resolved,
    async current => meanSurprise(validationTokens, await scorer.score(current, validationTokens)),
    onProgress,
  )
  const scores = await scorer.score(parameters, validationTokens)
  await scorer.release()
  const maxSurprises = scores.map((score, i) => maxSurprise(validationTokens[i]!, score, surpriseOfUnknown))
  const maxRanks = scores.map((score, i) => maxRank(validationTokens[i]!, score, vocabulary.size))
  return {
    config,
    parameters,
    vocabulary,
    calibration: calibrate(maxSurprises, maxRanks),
    unknownSurprise: surpriseOfUnknown,
    training: {
      options: resolved,
      numSessions: usable.length,
      numEvents: usable.reduce((sum, { keys }) => sum + keys.length, 0),
      numValidationSessions: numValidation,
      epochs,
      seconds: (performance.now() - started) / 1000,
    },
  }
}

/**
 * -ln of the Good-Turing probability that the next event is of a kind never seen: kinds seen in one session only, over events (Good, 1953).
 * The network cannot know this: what it never saw as a target gets whatever the softmax leaves over.
 */
export function unknownSurprise(sequences: readonly KeySequence[]): number {
  const numSessions = new Map<string, number>()
  let numEvents = 0
  for (const { keys } of sequences) {
    numEvents += keys.length
    for (const key of new Set(keys)) numSessions.set(key, (numSessions.get(key) ?? 0) + 1)
  }
  let numOnce = 0
  for (const count of numSessions.values()) if (count === 1) numOnce++
  return -Math.log(Math.max(numOnce, 1) / Math.max(numEvents, 1))
}

/** The largest surprise of a session, its end included if it was seen. */
export function maxSurprise(
  { tokens }: TokenSequence,
  { surprises }: SequenceScores,
  surpriseOfUnknown: number,
): number {
  let largest = 0
  for (let i = 0; i < surprises.length; i++) {
    const surprise = tokens[i] === UNKNOWN ? surpriseOfUnknown : surprises[i]!
    if (surprise > largest) largest = surprise
  }
  return largest
}

/** The largest rank of a session; an unknown key ranks behind all others. */
export function maxRank(
  { tokens }: TokenSequence,
  { ranks }: SequenceScores,
  vocabularySize: number,
): number {
  let largest = 0
  for (let i = 0; i < ranks.length; i++) {
    const rank = tokens[i] === UNKNOWN ? vocabularySize : ranks[i]!
    if (rank > largest) largest = rank
  }
  return largest
}

function meanSurprise(sequences: readonly TokenSequence[], scores: readonly SequenceScores[]): number {
  let sum = 0
  let count = 0
  scores.forEach(({ surprises }, i) => {
    surprises.forEach((surprise, at) => {
      if (sequences[i]!.tokens[at] === UNKNOWN) return
      sum += surprise
      count++
    })
  })
  return sum / count
}
