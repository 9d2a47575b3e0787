import t from 'tap'
import { presetConfig } from '../../scorer/model/config.js'
import { initialParameters, parameterLayout } from '../../scorer/model/parameters.js'
import { stepGraph } from '../../scorer/model/step-graph.js'
import { Random } from '../../scorer/random.js'
import { StepClient } from '../../scorer/step-client.js'
import type { StepBatch } from '../../scorer/step-engine.js'

const config = {
  ...presetConfig('nano', 8),
  hiddenSize: 8,
  intermediateSize: 16,
  numHeads: 2,
  contextLength: 8,
}
const random = new Random(1)
const data = {
  config,
  graph: stepGraph(config),
  parameters: initialParameters(parameterLayout(config), () => random.normal()),
  numRows: 16,
}
const batch: StepBatch = {
  batch: 1,
  time: 1,
  tokens: Int32Array.of(1),
  rows: Int32Array.of(1),
  past: 0,
  pastRows: new Int32Array(0),
  pastLengths: Int32Array.of(0),
}
/** Its row lies outside the cache, which throws inside the thread but outside the runtime's own checks. */
const deadly: StepBatch = { ...batch, rows: Int32Array.of(10_000) }

t.test('a batch that fails fails alone', async t => {
  const client = await StepClient.start(data)
  t.teardown(() => client.release())
  await t.rejects(client.run({ ...batch, tokens: Int32Array.of(99) }), { code: 'ERR_SCORER_RUN' })
  await t.rejects(client.run(deadly), { code: 'ERR_SCORER_RUN' })
  t.equal((await client.run(batch)).length, config.vocabularySize)
})

t.test('a thread that cannot load the model says so', async t => {
  await t.rejects(StepClient.start({ ...data, graph: Buffer.from('no graph') }), { code: 'ERR_SCORER_RUN' })
})

t.test('a closed client refuses batches', async t => {
  const client = await StepClient.start(data)
  const running = client.run(batch)
  await client.release()
  await t.rejects(running, { code: 'ERR_SCORER_RUN' })
  await t.rejects(client.run(batch), { message: 'the scorer was closed' })
})
