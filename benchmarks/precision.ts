import { readSequences } from '../plugin/cli/sequences.js'
import { readModel } from '../plugin/model.js'
import type { Bundle } from '../scorer/bundle.js'
import { PRECISIONS, type Precision } from '../scorer/model/precision.js'
import { OfflineJudge } from '../scorer/offline-judge.js'
import { DEFAULT_DEVICE_OPTIONS } from '../scorer/provider.js'
import type { TokenSequence } from '../scorer/segments.js'
import { SequenceScorer, type SequenceScores } from '../scorer/sequence-scorer.js'
import { StepReplay } from '../scorer/step-replay.js'
import { median, quantile } from './statistics.js'

export interface PrecisionOptions {
  readonly model: string
  /** Sequence files, `id,label,keys` rows. */
  readonly normal: readonly string[]
  readonly abnormal: readonly string[]
  /** Timed runs, of which the median counts. */
  readonly runs: number
}

/** As facts of a live stream: so many sessions side by side, so long. */
const NUM_STEP_SESSIONS = 64
const STEP_LENGTH = 32
/** Sessions of the whole-sequence timing. */
const NUM_WHOLE_SESSIONS = 2000

interface Measured {
  readonly scores: readonly SequenceScores[]
  readonly wholeEventsPerSecond: number
  readonly stepEventsPerSecond: number
}

/**
 * What each precision costs and saves on real sessions, against float32: how far surprises stray, how many sessions are decided otherwise, and
 * events a second of CPU time, which other programs on the machine disturb less than they do the clock.
 */
export async function run(options: PrecisionOptions): Promise<Record<string, unknown>> {
  const { bundle } = await readModel(options.model)
  const sessions = async (files: readonly string[]): Promise<TokenSequence[]> =>
    (await readSequences(files)).map(({ keys }) => ({
      tokens: Int32Array.from(keys, key => bundle.vocabulary.id(key)),
      ended: true,
    }))
  const normal = await sessions(options.normal)
  const abnormal = await sessions(options.abnormal)
  const all = [...normal, ...abnormal]
  const reference = await measure(bundle, 'float32', all, options.runs)
  const flagsOf = flagger(bundle, all)
  const expected = flagsOf(reference.scores)
  const rows = []
  for (const precision of PRECISIONS) {
    const measured = precision === 'float32' ? reference : await measure(bundle, precision, all, options.runs)
    const flags = flagsOf(measured.scores)
    const flips = (from: number, to: number): number =>
      flags.slice(from, to).filter((isFlagged, i) => isFlagged !== expected[from + i]).length
    rows.push({
      precision,
      ...differences(measured.scores, reference.scores),
      flippedNormal: flips(0, normal.length),
      flippedAbnormal: flips(normal.length, all.length),
      wholeEventsPerSecond: measured.wholeEventsPerSecond,
      stepEventsPerSecond: measured.stepEventsPerSecond,
    })
  }
  return { model: bundle.id, normal: normal.length, abnormal: abnormal.length, rows }
}

async function measure(
  bundle: Bundle,
  precision: Precision,
  sessions: readonly TokenSequence[],
  runs: number,
): Promise<Measured> {
  const whole = await SequenceScorer.loadStored(bundle, { precision })
  const scores = await whole.score(undefined, sessions)
  const some = sessions.slice(0, NUM_WHOLE_SESSIONS)
  const wholeEventsPerSecond = await rate(runs, async () => {
    const distinct = some.map(({ tokens, ended }, i) => ({ tokens: varied(tokens, i), ended }))
    const scored = await whole.score(undefined, distinct)
    return scored.reduce((sum, { surprises }) => sum + surprises.length, 0)
  })
  await whole.release()
  const numRows = NUM_STEP_SESSIONS * STEP_LENGTH
  const steps = await StepReplay.load({ ...bundle, precision, device: DEFAULT_DEVICE_OPTIONS, numRows })
  const streams = Array.from({ length: NUM_STEP_SESSIONS }, (_, i) => stretched(sessions[i]!.tokens))
  const stepEventsPerSecond = await rate(runs, async () => {
    await steps.score(streams)
    return numRows
  })
  await steps.release()
  return { scores, wholeEventsPerSecond, stepEventsPerSecond }
}

/** Equal sessions are scored once, so each gets a first token of its own. */
function varied(tokens: Int32Array, seed: number): Int32Array {
  const copy = Int32Array.from(tokens)
  for (let i = 0, rest = seed; i < copy.length && rest > 0; i++, rest >>= 2) copy[i] = 4 + (rest & 3)
  return copy
}

/** A session repeated to the length of the step timing. */
function stretched(tokens: Int32Array): Int32Array {
  return Int32Array.from({ length: STEP_LENGTH }, (_, t) => tokens[t % tokens.length]!)
}

/** Median of events a second of CPU time, after one run to warm up. */
async function rate(runs: number, work: () => Promise<number>): Promise<number> {
  await work()
  const rates: number[] = []
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage()
    const numEvents = await work()
    const { user, system } = process.cpuUsage(before)
    rates.push(numEvents / ((user + system) / 1e6))
  }
  return Math.round(median(rates))
}

function flagger(bundle: Bundle, sessions: readonly TokenSequence[]) {
  const judge = new OfflineJudge(bundle)
  return (scores: readonly SequenceScores[]): boolean[] =>
    scores.map((score, i) => judge.session(sessions[i]!.tokens, score).flaggedAt !== undefined)
}

/** Of surprises, in nats, and of ranks. */
function differences(scores: readonly SequenceScores[], reference: readonly SequenceScores[]) {
  const all: number[] = []
  let otherRanks = 0
  scores.forEach(({ surprises, ranks }, i) => {
    const expected = reference[i]!
    surprises.forEach((surprise, t) => {
      all.push(Math.abs(surprise - expected.surprises[t]!))
      if (ranks[t] !== expected.ranks[t]) otherRanks++
    })
  })
  const digits = (value: number): number => Number(value.toPrecision(2))
  return {
    meanDifference: digits(all.reduce((sum, value) => sum + value, 0) / all.length),
    difference999: digits(quantile(all, 0.999)),
    largestDifference: digits(quantile(all, 1)),
    otherRanks: `${((100 * otherRanks) / all.length).toFixed(2)} %`,
  }
}
