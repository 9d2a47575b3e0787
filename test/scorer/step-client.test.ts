import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { presetConfig } from '../../scorer/model/config.js'
import { initialParameters, parameterLayout } from '../../scorer/model/parameters.js'
import { Random } from '../../scorer/random.js'
import { RESTART_PAUSE_MS, StepClient } from '../../scorer/step-client.js'
import type { StepBatch, StepEngineData } from '../../scorer/step-engine.js'

const config = {
  ...presetConfig('nano', 8),
  hiddenSize: 8,
  intermediateSize: 16,
  numHeads: 2,
  contextLength: 8,
}
const random = new Random(1)
const data: StepEngineData = {
  config,
  parameters: initialParameters(parameterLayout(config), () => random.normal()),
  precision: 'float32',
  device: {},
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
  await t.rejects(StepClient.start({ ...data, parameters: new Float32Array(1) }), {
    code: 'ERR_SCORER_RUN',
    message: /failed to start: ./,
  })
})

t.test('a closed client refuses batches', async t => {
  const client = await StepClient.start(data)
  const running = t.rejects(client.run(batch), { code: 'ERR_SCORER_RUN' })
  await client.release()
  await running
  await t.rejects(client.run(batch), { message: 'the scorer was closed' })
})

/** A step worker that dies when it is told to; ended from outside in the middle of a run, the runtime would take the process with it. */
const MORTAL = `import(${JSON.stringify(new URL('../../scorer/step-worker.js', import.meta.url).href)}).then(() =>
  require('node:worker_threads').parentPort.on('message', message => message.isLast && process.exit(1)))`

/** A client whose threads a test can kill, and whose clock it turns. */
async function mortalClient() {
  const threads: Worker[] = []
  const clock = { nowMs: 0 }
  const spawn = () => {
    const thread = new Worker(MORTAL, { eval: true, execArgv: [] })
    threads.push(thread)
    return thread
  }
  const client = await StepClient.start(data, { spawn, now: () => clock.nowMs })
  const kill = async () => {
    const thread = threads.at(-1)!
    const gone = once(thread, 'exit')
    thread.postMessage({ isLast: true })
    await gone
  }
  return { client, kill, threads, clock }
}

t.test('a thread that dies with batches in hand fails them and is replaced', async t => {
  const { client, kill, threads, clock } = await mortalClient()
  t.teardown(() => client.release())
  const before = await client.run(batch)
  const gone = kill()
  const inHand = t.rejects(client.run(batch), { code: 'ERR_SCORER_RUN', retriable: true })
  await gone
  await inHand
  await t.rejects(
    client.run(batch),
    { message: /about to be replaced/ },
    'not at once, lest it dies over and over',
  )
  t.equal(threads.length, 1)
  clock.nowMs += RESTART_PAUSE_MS
  t.same(await client.run(batch), before, 'its successor answers the same')
  t.equal(threads.length, 2)
  t.same(await client.run(batch), before)
})

t.test('a thread that dies idle fails one batch, as that may build on the cache that is lost', async t => {
  const { client, kill, clock } = await mortalClient()
  t.teardown(() => client.release())
  const before = await client.run(batch)
  await kill()
  clock.nowMs += RESTART_PAUSE_MS
  await t.rejects(client.run(batch), { message: /was replaced/, retriable: true })
  t.same(await client.run(batch), before)
})

t.test('threads may die again and again', async t => {
  const { client, kill, clock } = await mortalClient()
  t.teardown(() => client.release())
  const before = await client.run(batch)
  for (let life = 0; life < 3; life++) {
    await kill()
    clock.nowMs += RESTART_PAUSE_MS
    await t.rejects(client.run(batch), { message: /was replaced/ })
    t.same(await client.run(batch), before)
  }
})
