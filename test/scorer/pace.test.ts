import t from 'tap'
import { parameterLayout } from '../../scorer/model/parameters.js'
import { Random } from '../../scorer/random.js'
import { type MleResult, type TrainProgress, trainMle } from '../../scorer/train/mle.js'
import { DEFAULT_TRAIN_OPTIONS } from '../../scorer/train/options.js'
import { Pace } from '../../scorer/train/pace.js'
import { makeTrainable } from '../../scorer/train/trainable.js'
import { randomParameters, randomTokens, TINY } from '../fixtures/scorer/tiny-model.js'

/** A clock that work moves on. */
function makeClock() {
  let ms = 0
  return {
    now: () => ms,
    async work(durationMs: number): Promise<void> {
      ms += durationMs
    },
  }
}

t.test('runs take one step at first, then as many as make a quarter of a second', async t => {
  const clock = makeClock()
  const pace = new Pace(Number.POSITIVE_INFINITY, 0, clock.now)
  t.equal(pace.stepsPerRun, 1)
  await pace.measureSteps(1, () => clock.work(50))
  t.equal(pace.stepsPerRun, 5)
  await pace.measureSteps(1, () => clock.work(5000))
  t.equal(pace.stepsPerRun, 1)
  const fast = new Pace(Number.POSITIVE_INFINITY, 0, clock.now)
  await fast.measureSteps(1, () => clock.work(0))
  t.equal(fast.stepsPerRun, 16)
})

t.test('there is no end to the steps that fit where there is no deadline', async t => {
  const clock = makeClock()
  const pace = new Pace(Number.POSITIVE_INFINITY, 3, clock.now)
  await pace.measureSteps(1, () => clock.work(1000))
  t.equal(pace.stepsThatFit(10), Number.POSITIVE_INFINITY)
})

t.test('the time left is divided among steps, validations and a margin', async t => {
  const clock = makeClock()
  const pace = new Pace(10_000, 5, clock.now)
  await pace.measureSteps(1, () => clock.work(100))
  // 9,900 ms less 5 %, less two validations of 5 steps; 150 ms a step with its share of a validation an epoch of ten steps.
  t.equal(pace.stepsThatFit(10), Math.floor((9900 * 0.95 - 1000) / 150))
  await pace.measureValidation(() => clock.work(1000))
  t.equal(pace.stepsThatFit(10), Math.floor((8900 * 0.95 - 2000) / 200))
  await clock.work(20_000)
  t.equal(pace.stepsThatFit(10), 0)
})

/** Trains with a budget on a clock by which a run takes so long and a validation 300 ms. */
async function trainFor(budgetMs: number, runMs: (numRuns: number) => number) {
  const clock = makeClock()
  const random = new Random(1)
  const trainable = makeTrainable(TINY, randomParameters(TINY, 2), 0, random)
  const pace = new Pace(budgetMs, 2, clock.now)
  const measure = pace.measureSteps.bind(pace)
  let numRuns = 0
  pace.measureSteps = (numSteps, work) =>
    measure(numSteps, async () => {
      await clock.work(runMs(numRuns++) * numSteps)
      return work()
    })
  const progress: TrainProgress[] = []
  const result: MleResult = await trainMle(
    {
      config: TINY,
      trainable,
      sequences: Array.from({ length: 64 }, () => ({
        tokens: randomTokens(random, 6, TINY.vocabularySize),
        ended: true,
      })),
      options: { ...DEFAULT_TRAIN_OPTIONS, batchSize: 16, epochs: 1000, patience: 1000, threads: 1 },
      random,
      pace,
      validate: async parameters => {
        await clock.work(300)
        return { loss: parameters[0]!, topKMissRate: 0 }
      },
      checkpoint: undefined,
    },
    latest => progress.push(latest),
  )
  return { result, progress, seconds: clock.now() / 1000 }
}

t.test('training fills its time and does not exceed it', async t => {
  const { result, progress, seconds } = await trainFor(20_000, () => 100)
  t.ok(seconds > 17 && seconds <= 20 - 0.3, `${seconds} s`)
  t.ok(result.numSteps > 80 && result.numSteps < result.numPlannedSteps)
  t.equal(result.numPlannedSteps, 4000)
  t.equal(progress.at(-1)!.step, result.numSteps)
  t.equal(progress.at(-1)!.numSteps, result.numSteps, 'the schedule came to its end')
  t.equal(result.parameters.length, parameterLayout(TINY).size)
})

t.test('a machine that becomes slower makes training shorter, not late', async t => {
  const { seconds } = await trainFor(20_000, numRuns => (numRuns < 20 ? 50 : 250))
  t.ok(seconds <= 20, `${seconds} s`)
})

t.test('even without time one step is made and there is a model', async t => {
  const { result } = await trainFor(1, () => 100)
  t.equal(result.numSteps, 1)
  t.equal(result.bestEpoch, 0)
  t.equal(result.epochs.length, 1)
})
