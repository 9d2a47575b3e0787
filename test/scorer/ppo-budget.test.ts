import t from 'tap'
import { Pace } from '../../scorer/train/pace.js'
import type { PpoProgress } from '../../scorer/train/rl/ppo.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { runTiny } from '../fixtures/scorer/ppo-run.js'

/** Runs PPO on a clock by which a batch takes 100 ms and a look at held-out sessions 300 ms. */
async function runFor(budgetMs: number) {
  let ms = 0
  const pace = new Pace(budgetMs, 0, () => ms)
  const measure = pace.measureSteps.bind(pace)
  pace.measureSteps = (numSteps, work) =>
    measure(numSteps, () => {
      ms += 100
      return work()
    })
  const missRate = async () => {
    ms += 300
    return 0
  }
  const progress: PpoProgress[] = []
  const options = { numSteps: 500, numEpochs: 1, validationInterval: 10 }
  const result = await runTiny(options, 0, { pace, missRate }, latest => progress.push(latest))
  return { ...result, progress, seconds: ms / 1000 }
}

t.test('PPO fills its time, leaves some to score with, and does not exceed it', async t => {
  const { record, progress, seconds } = await runFor(10_000)
  t.ok(seconds > 8 && seconds <= 10 - 0.3, `${seconds} s`)
  t.ok(record.numSteps > 50 && record.numSteps < 100, `${record.numSteps} steps`)
  t.equal(record.numPlannedSteps, 500)
  t.match(progress.at(-1), { step: record.numSteps, numSteps: record.numSteps })
})

t.test('without time the model of maximum likelihood stays as it is', async t => {
  const { record, parameters } = await runFor(0)
  t.match(record, { numSteps: 0, numPlannedSteps: 500, steps: [] })
  const { parameters: unmoved } = await runTiny({ numSteps: 0 }, 0)
  t.same(parameters, unmoved)
})

t.test('a time budget is shared between likelihood and reinforcement', async t => {
  const { training } = await train(grammarSessions(1, 60), {
    epochs: 100_000,
    folds: 1,
    timeBudgetSeconds: 4,
    reinforcement: { numSteps: 100_000 },
  })
  const { numSteps, numPlannedSteps } = training.reinforcement!.model
  t.ok(numSteps > 0 && numSteps < numPlannedSteps, `${numSteps} batches`)
  t.ok(training.numSteps > 1 && training.numSteps < training.numPlannedSteps, `${training.numSteps} steps`)
  // Half as much again for a machine that is busy with other tests.
  t.ok(training.seconds < 6, `${training.seconds} s`)
})
