import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { configOf, KafkaPeer, numbersUpTo, startStage } from '../fixtures/plugin/kafka-peer.js'
import { Flaky, Gate } from '../fixtures/plugin/outputs.js'
import { StageProcess } from '../fixtures/plugin/stage-process.js'
import { KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

const skip = kafkaMissing()
let broker: KafkaBroker
let peer: KafkaPeer

if (!skip) {
  t.before(async () => {
    broker = await KafkaBroker.start()
    peer = await KafkaPeer.connect(broker.address)
  })
  t.teardown(async () => {
    await peer?.close()
    await broker?.remove()
  })
}

t.test('while outputs take nothing little is read, and the partitions stay', { skip }, async t => {
  const topics = await peer.topics(2)
  const text = 'x'.repeat(2000)
  for (let i = 0; i < 20; i++)
    await peer.send(
      topics.from,
      Array.from({ length: 200 }, (_, k) => ({ key: `s${k}`, value: `n=${i * 200 + k} req=s${k} ${text}` })),
    )
  const gate = new Gate()
  const { counters } = await startStage(t, peer, topics, {
    input: {
      maxPartitionBytes: 65_536,
      maxInFlightBytes: 131_072,
      sessionTimeoutMs: 1000,
      maxChunkRecords: 10,
    },
    outputs: [gate],
  })
  await gate.isWaited()
  const taken = counters.of('kafka_records_total')
  // Longer than the group waits for a member that says nothing.
  await sleep(2000)
  t.equal(counters.of('kafka_records_total'), taken, 'nothing more is read')
  t.ok(taken <= 20, 'a chunk of each partition')
  const reader = await peer.reader(t, topics.to)
  gate.open()
  await reader.all(4000)
  t.equal(counters.of('kafka_rebalances_total'), 1, 'it has been a member all the time')
  t.strictSame(reader.numbers, numbersUpTo(4000))
})

t.test('a chunk whose delivery failed is judged once', { skip }, async t => {
  for (const transactions of [false, true]) {
    const topics = await peer.topics(1)
    const reader = await peer.reader(t, topics.to)
    await peer.sendLines(topics.from, 0, 700)
    await peer.send(
      topics.from,
      Array.from({ length: 7 }, (_, i) => ({
        key: `s${i}`,
        value: `it will close now n=${700 + i} req=s${i}`,
      })),
    )
    const { counters } = await startStage(t, peer, topics, {
      input: { transactions, maxChunkRecords: 100, retryMinMs: 1 },
      outputs: [new Flaky()],
    })
    await reader.until(
      ({ received }) => received.filter(({ value }) => value.logneo.kind === 'session').length >= 7,
    )
    const summaries = reader.received.filter(({ value }) => value.logneo.kind === 'session')
    if (transactions) t.strictSame(reader.numbers, numbersUpTo(707))
    t.strictSame([...new Set(summaries.map(({ value }) => value.logneo.events))], [101])
    t.ok(summaries.every(({ key, value }) => key === value.logneo.session && value.logneo.closed === 'end'))
    t.ok(counters.of('kafka_chunk_failures_total') >= 3, 'chunks failed')
  }
})

t.test(
  'a broker that restarts loses and doubles nothing; a stage stops while it is away',
  { skip },
  async t => {
    const numRecords = 2000
    const others = await peer.topics(1)
    await peer.sendLines(others.from, 0, 10)
    const other = StageProcess.start(t, configOf(peer, others))
    const elsewhere = await peer.reader(t, others.to)
    await elsewhere.all(10)
    const topics = await peer.topics(2)
    await peer.sendLines(topics.from, 0, numRecords)
    const reader = await peer.reader(t, topics.to)
    const { counters, warnings } = await startStage(t, peer, topics, {
      input: { transactions: true, maxChunkRecords: 20 },
    })
    await reader.until(({ records }) => records.length >= 500)
    await broker.kill()
    const stoppedAt = performance.now()
    t.equal(await other.end('SIGTERM'), 0)
    t.comment(`stopped without a broker in ${Math.round(performance.now() - stoppedAt)} ms`)
    t.ok(performance.now() - stoppedAt < 8000, 'a stage stops while the broker is away')
    await broker.start()
    const restartedAt = performance.now()
    const numChunks = counters.of('kafka_chunks_total')
    await peer.sendLines(topics.from, numRecords, numRecords + 100)
    await counters.reaches('kafka_chunks_total', numChunks + 1)
    t.comment(`on its way again ${Math.round(performance.now() - restartedAt)} ms after the broker was`)
    await reader.all(numRecords + 100)
    t.strictSame(reader.numbers, numbersUpTo(numRecords + 100))
    t.ok(warnings.length > 0, 'it said that the broker was away')
  },
)
