import t from 'tap'
import { TrainingNote } from '../../plugin/cli/training-note.js'
import type { TaskProgress } from '../../scorer/train/fit-pool.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const step: TaskProgress = { task: 0, numTasks: 2, step: 1, numSteps: 9, epoch: 0, loss: 2 }

t.test('a bar says the loss, smoothed, and how sessions held out fare', async t => {
  const note = new TrainingNote()
  t.equal(note.update(step), 'model 1 of 2: loss 2.000')
  t.equal(note.update({ ...step, loss: 1 }), 'model 1 of 2: loss 1.950')
  const looked = { ...step, loss: 1.95, validationLoss: 1.5, topKMissRate: 0.023 }
  t.equal(note.update(looked), 'model 1 of 2: loss 1.950, held out 1.500, missed 2.3 %')
  t.equal(note.update({ ...step, loss: 1.95 }), 'model 1 of 2: loss 1.950, held out 1.500, missed 2.3 %')
})

t.test('in reinforcement it says the reward, and no loss from before it', async t => {
  const note = new TrainingNote()
  note.update({ ...step, validationLoss: 1.5, topKMissRate: 0.5 })
  t.equal(note.update({ ...step, reward: 0.25 }), 'model 1 of 2: loss 2.000, reward 0.250, missed 50 %')
  t.equal(
    note.update({ ...step, reward: 0.25, topKMissRate: 0 }),
    'model 1 of 2: loss 2.000, reward 0.250, missed 0 %',
  )
})

t.test('it speaks of the model that began last', async t => {
  const note = new TrainingNote()
  note.update({ ...step, validationLoss: 1.5, topKMissRate: 0.5 })
  t.equal(note.update({ ...step, task: 1, loss: 3 }), 'model 2 of 2: loss 3.000')
  t.equal(note.update({ ...step, loss: 9, topKMissRate: 1 }), 'model 2 of 2: loss 3.000')
})

t.test('training tells the miss rate with each loss on sessions held out, then each reward', async t => {
  const all: TaskProgress[] = []
  const reinforcement = { numSteps: 4, validationInterval: 2 }
  await train(grammarSessions(1, 40), { epochs: 3, folds: 1, reinforcement }, (_done, _total, latest) =>
    all.push(latest),
  )
  const looked = all.filter(({ validationLoss }) => validationLoss !== undefined)
  t.equal(looked.length, 3)
  const rates = looked.map(({ topKMissRate }) => topKMissRate!)
  t.ok(
    rates.every(rate => rate >= 0 && rate < 1),
    `${rates}`,
  )
  t.ok(rates[0]! > 0, 'a model hardly trained misses some')
  const rewarded = all.filter(({ reward }) => reward !== undefined).slice(0, 4)
  t.same(
    rewarded.map(({ topKMissRate }) => topKMissRate !== undefined),
    [true, false, true, false],
  )
  t.equal(rewarded[0]!.topKMissRate, rates.at(-1), 'reinforcement begins with the model that likelihood left')
})
