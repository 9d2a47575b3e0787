import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { LineInput } from '../../plugin/engine-parts.js'
import { trainApart } from '../../plugin/learn/train-apart.js'
import type { Training } from '../../plugin/learn/training.js'
import { startLearning } from '../fixtures/plugin/learning-stage.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { grammarLog } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 7, 1)

const inputs = (lines: readonly string[]): LineInput[] => lines.map(line => ({ line, timeMs: START_MS }))

t.test('with no model it learns from the stream, and judges with what it learnt', async t => {
  const model = join(t.testdir(), 'model')
  const { stage, events } = await startLearning(t, { model }, { train: trainApart, epochs: 8 })
  const first = await stage.process(grammarLog(1, 150))
  t.ok(first.every(({ logneo }) => logneo.status === 'learning'))
  t.match(first[0]!.logneo, {
    session: /^s1x/,
    template: /connection accepted/,
    template_id: /^[0-9a-f]{16}$/,
  })
  t.match(first.find(({ logneo }) => 'kind' in logneo)!.logneo, {
    anomaly: false,
    closed: 'end',
    severity: 'none',
  })
  // A session that is under way when the model takes over.
  const under = sessionLines('under', START_MS, ['open', 'write', 'sync', 'close'])
  await stage.engine.judge(under.slice(0, 2))
  await events.until('trained')
  t.ok(existsSync(join(model, 'manifest.json')))
  const rest = await stage.engine.judge(under.slice(2))
  t.match(rest.verdicts, [
    { status: 'scored', anomaly: false },
    { status: 'scored', anomaly: false },
  ])
  const normal = await stage.engine.judge(inputs(grammarLog(2, 50)))
  t.ok(normal.verdicts.every(({ status }) => status === 'scored'))
  t.ok(normal.summaries.filter(({ summary }) => summary.anomaly).length <= 3)
  const odd = await stage.engine.judge(sessionLines('odd', START_MS, ['sync', 'close']))
  t.match(odd.summaries[0]!.summary, { anomaly: true, status: 'scored' })
  t.strictSame(events.seen, ['training', 'trained'])
})

t.test('while it trains no record waits, and none is lost or changes places', async t => {
  const model = join(t.testdir(), 'model')
  const { stage, learner, events } = await startLearning(t, { model })
  const sent: string[] = []
  const lines: string[] = []
  const statuses: string[] = []
  for (let seed = 1; statuses.at(-1) !== 'scored'; seed++) {
    const some = grammarLog(seed, 60)
    sent.push(...some)
    for (const record of await stage.process(some)) {
      if ('kind' in record.logneo) continue
      lines.push(String(record.message))
      statuses.push(record.logneo.status)
    }
    // The stream is slower than it could be, so that it lasts as long as the training.
    if (learner.isTraining) await setTimeout(50)
  }
  await events.until('trained')
  const switched = statuses.indexOf('scored')
  t.ok(
    statuses.slice(switched).every(status => status === 'scored'),
    'once and for all',
  )
  t.strictSame(lines, sent)
})

t.test('after a restart it goes on with what it had', async t => {
  const folder = t.testdir()
  const directory = join(folder, 'state')
  const model = join(folder, 'model')
  const before = await startLearning(t, { model }, { directory })
  await before.stage.process(grammarLog(1, 80))
  await before.learner.stop()
  const { stage, learner, events } = await startLearning(t, { model }, { directory })
  t.equal(learner.buffer.size, 80)
  await stage.process(grammarLog(2, 60))
  await events.until('trained')
  const { verdicts } = await stage.engine.judge(inputs(grammarLog(3, 20)))
  t.ok(verdicts.every(({ status, rank }) => status === 'scored' && rank! < 10))
})

t.test('a training that fails changes nothing, and is tried again later', async t => {
  const model = join(t.testdir(), 'model')
  let numTrainings = 0
  const train = (): Training => {
    numTrainings++
    return { done: Promise.reject(new Error('no memory')), stop() {} }
  }
  const { stage, events } = await startLearning(t, { model }, { train })
  await stage.process(grammarLog(1, 110))
  t.strictSame(events.seen, ['training', 'failed'])
  const records = await stage.process(grammarLog(2, 60))
  t.ok(records.every(({ logneo }) => logneo.status === 'learning'))
  t.equal(numTrainings, 2)
})
