import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LineInput } from '../../plugin/engine-parts.js'
import type { Training, TrainJob } from '../../plugin/learn/training.js'
import { startLearning } from '../fixtures/plugin/learning-stage.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 7, 1)

const inputs = (lines: readonly string[]): LineInput[] => lines.map(line => ({ line, timeMs: START_MS }))

/** A model that learning may replace. */
async function ownModel(t: Test): Promise<string> {
  const path = join(t.testdir(), 'model')
  await cp(await smallModel(), path, { recursive: true })
  return path
}

t.test(
  'when the log has moved a new model is trained on sessions that were not flagged, or were marked',
  async t => {
    const model = await ownModel(t)
    const jobs: TrainJob[] = []
    const train = (job: TrainJob): Training => {
      jobs.push(job)
      return { done: Promise.resolve('same'), stop() {} }
    }
    const given = { model, rules: {}, keepsHistory: true }
    const { stage, learner, events } = await startLearning(t, given, { train, onDrift: true })
    for (let seed = 1; seed <= 4; seed++) await stage.engine.judge(inputs(grammarLog(seed, 260)))
    t.ok(learner.drift.strangeShare < 0.2)
    t.equal(learner.drift.unknownShare, 0)
    t.strictSame(events.seen, [], 'nothing moved')
    const retry = (i: number) =>
      sessionLines(`new${i}`, START_MS, ['open', 'write', 'retry', 'sync', 'close'])
    for (let i = 0; i < 100; i++) await stage.engine.judge(retry(i))
    learner.mark('new7')
    for (let i = 100; i < 300; i++) await stage.engine.judge(retry(i))
    await events.until('trained')
    t.ok(learner.drift.strangeShare <= 0.3)
    const ids = jobs[0]!.sessions.map(({ id }) => id).filter(id => id.startsWith('new'))
    t.strictSame(ids, ['new7'])
    t.ok(jobs[0]!.drain.clusters.length >= 7, 'with the new template')
  },
)

t.test('without being asked no new model is trained', async t => {
  const model = await ownModel(t)
  const { stage, events, learner } = await startLearning(t, { model, rules: {} })
  for (let i = 0; i < 1100; i++) await stage.engine.judge(sessionLines(`n${i}`, START_MS, ['sync', 'close']))
  t.ok(learner.drift.isDrifting)
  t.strictSame([events.seen, learner.buffer.size], [[], 0])
})
