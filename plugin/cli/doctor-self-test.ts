import { type GptNeoConfig, presetConfig } from '../../scorer/model/config.js'
import { parameterLayout } from '../../scorer/model/parameters.js'
import type { Precision } from '../../scorer/model/precision.js'
import { DEFAULT_DEVICE_OPTIONS } from '../../scorer/provider.js'
import { Random } from '../../scorer/random.js'
import { SequenceScorer } from '../../scorer/sequence-scorer.js'
import { StepReplay } from '../../scorer/step-replay.js'
import { NUM_SPECIALS } from '../../scorer/vocabulary.js'
import type { RunOptions } from './device-options.js'

/** A model to test with. */
export interface TestModel {
  readonly config: GptNeoConfig
  /** The flat vector (size). */
  readonly parameters: Float32Array
}

/** How one graph did. */
export interface GraphResult {
  /** Of a surprise from that of the CPU in float32, in nats. */
  readonly largestDifference: number
  readonly eventsPerSecond: number
}

export interface SelfTestResult extends Required<RunOptions> {
  readonly numEvents: number
  /** Whole sessions at once. */
  readonly sequence: GraphResult
  /** A token a step, with keys and values from the cache. */
  readonly step: GraphResult
  /** The largest difference that passes, in nats. */
  readonly tolerance: number
  readonly passed: boolean
}

/**
 * What rounding may do to a surprise, in nats. GPUs multiply float32 matrices in TF32 (10 bits of mantissa), hence the room in the first. A
 * device that computes wrongly is off by whole nats.
 */
export const TOLERANCES: Readonly<Record<Precision, number>> = { float32: 0.02, float16: 0.1, int8: 1 }

const SEED = 1
/** Sessions of a round, and tokens of each: few at first, and on where those take long. */
const SMALL_ROUND = { numSessions: 4, length: 8 } as const
const FULL_ROUND = { numSessions: 32, length: 16 } as const
const SLOW_SECONDS = 0.3
/** Rounds are added until this time is over; loading comes on top. */
const SECONDS = 2

/** Scores random sessions by both graphs on the chosen device and by the CPU in float32, and compares. @throws ProviderError */
export async function selfTest(options: RunOptions, model = randomModel()): Promise<SelfTestResult> {
  const device = { ...DEFAULT_DEVICE_OPTIONS, precision: 'float32' as const, ...options }
  const { precision } = device
  const numRows = FULL_ROUND.numSessions * FULL_ROUND.length
  const steps = await StepReplay.load({ ...model, precision, device, numRows })
  const whole = await SequenceScorer.loadStored(model, device)
  const reference = await SequenceScorer.loadStored(model)
  const byStep = new Comparison(sessions => steps.score(sessions))
  const bySequence = new Comparison(sessions => scoreWhole(whole, sessions))
  const random = new Random(SEED)
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  let round: Round = SMALL_ROUND
  for (let count = 0; count < 2 || seconds() < SECONDS; count++) {
    const sessions = randomSessions(random, round, model.config.vocabularySize)
    const expected = await scoreWhole(reference, sessions)
    await bySequence.add(sessions, expected)
    await byStep.add(sessions, expected)
    if (count === 0 && seconds() < SLOW_SECONDS) round = FULL_ROUND
  }
  await Promise.all([steps.release(), whole.release(), reference.release()])
  const tolerance = TOLERANCES[precision]
  const [sequence, step] = [bySequence.result(), byStep.result()]
  const passed = Math.max(sequence.largestDifference, step.largestDifference) <= tolerance
  return { ...device, numEvents: byStep.numEvents, sequence, step, tolerance, passed }
}

/** What one graph makes of sessions, held against what is expected. The first call warms up and is not timed. */
class Comparison {
  numEvents = 0
  #largest = 0
  #seconds = 0
  #numTimed = 0

  constructor(readonly score: (sessions: readonly Int32Array[]) => Promise<readonly Float32Array[]>) {}

  async add(sessions: readonly Int32Array[], expected: readonly Float32Array[]): Promise<void> {
    const started = performance.now()
    const surprises = await this.score(sessions)
    const seconds = (performance.now() - started) / 1000
    const count = surprises.reduce((sum, { length }) => sum + length, 0)
    if (this.numEvents > 0) {
      this.#seconds += seconds
      this.#numTimed += count
    }
    this.numEvents += count
    surprises.forEach((session, b) => {
      session.forEach((surprise, t) => {
        const difference = Math.abs(surprise - expected[b]![t]!)
        // Not a number is the worst there can be, and Math.max would keep it from the comparison.
        this.#largest = Number.isNaN(difference)
          ? Number.POSITIVE_INFINITY
          : Math.max(this.#largest, difference)
      })
    })
  }

  result(): GraphResult {
    return { largestDifference: this.#largest, eventsPerSecond: Math.round(this.#numTimed / this.#seconds) }
  }
}

async function scoreWhole(scorer: SequenceScorer, sessions: readonly Int32Array[]): Promise<Float32Array[]> {
  const scores = await scorer.score(
    undefined,
    sessions.map(tokens => ({ tokens, ended: false })),
  )
  return scores.map(({ surprises }) => surprises)
}

interface Round {
  readonly numSessions: number
  readonly length: number
}

function randomSessions(
  random: Random,
  { numSessions, length }: Round,
  vocabularySize: number,
): Int32Array[] {
  const key = (): number => NUM_SPECIALS + random.integer(vocabularySize - NUM_SPECIALS)
  return Array.from({ length: numSessions }, () => Int32Array.from({ length }, key))
}

/** A model of the default shape whose weights are as large as a trained one's, so that every matrix moves the result. */
function randomModel(): TestModel {
  const config = presetConfig('nano', 64)
  const random = new Random(SEED)
  const layout = parameterLayout(config)
  const parameters = new Float32Array(layout.size)
  for (const { name, shape, offset, size } of layout.slices) {
    const mean = /ln_\w+\.weight$/.test(name) ? 1 : 0
    const deviation = shape.length === 2 ? 1 / Math.sqrt(shape[1]!) : 0.1
    for (let i = 0; i < size; i++) parameters[offset + i] = mean + deviation * random.normal()
  }
  return { config, parameters }
}
