import t from 'tap'
import { completeTrainOptions } from '../../scorer/train/options.js'
import { Pace } from '../../scorer/train/pace.js'
import { deadlineOfLikelihood } from '../../scorer/train/plan.js'
import type { ReinforcementOptions } from '../../scorer/train/rl/options.js'
import type { PpoProgress } from '../../scorer/train/rl/ppo.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { runTiny } from '../fixtures/scorer/ppo-run.js'
import { TINY } from '../fixtures/scorer/tiny-model.js'

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

/** Until when likelihood may go on if it is 1,000 and all must be done at 11,000; 640 sessions, 40 steps an epoch. */
function likelihoodUntil(epochs: number, reinforcement: ReinforcementOptions | 'none'): number {
  const training = Array.from({ length: 640 }, () => ({ tokens: Int32Array.of(4), ended: true }))
  const options = { ...completeTrainOptions({ epochs, reinforcement }), batchSize: 16, threads: 1 }
  return deadlineOfLikelihood({ config: TINY, training, options, deadlineMs: 11_000 }, 1000)
}

t.test('likelihood leaves reinforcement the share of the time that its work has', async t => {
  t.equal(likelihoodUntil(10, 'none'), 11_000)
  // 10 passes over 640 sessions against 20 batches of 32, each gone through 4 1/3 times.
  t.ok(Math.abs(likelihoodUntil(10, { numSteps: 20 }) - (1000 + (10_000 * 10) / (10 + 13 / 3))) < 1e-6)
  t.ok(likelihoodUntil(10, { numSteps: 1 }) > 10_000, 'what is not needed is not left')
  const usual = likelihoodUntil(60, { numSteps: 'auto' })
  t.equal(likelihoodUntil(100_000, { numSteps: 'auto' }), usual, 'many epochs do not crowd it out')
  t.equal(likelihoodUntil(60, { numSteps: 100_000 }), usual, 'nor the other way about')
})

t.test('a training with reinforcement keeps to its time', async t => {
  const { training } = await train(grammarSessions(1, 60), {
    epochs: 100_000,
    folds: 1,
    timeBudgetSeconds: 4,
    reinforcement: { numSteps: 100_000 },
  })
  const { numSteps, numPlannedSteps } = training.reinforcement!.model
  t.ok(numSteps < numPlannedSteps, `${numSteps} batches`)
  t.ok(training.numSteps < training.numPlannedSteps, `${training.numSteps} steps`)
  // Half as much again for a machine that is busy with other tests.
  t.ok(training.seconds < 6, `${training.seconds} s`)
})
