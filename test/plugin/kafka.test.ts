import t from 'tap'
import { KafkaPeer, startStage, type Topics } from '../fixtures/plugin/kafka-peer.js'
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

for (const transactions of [false, true]) {
  const how = transactions ? 'in transactions' : 'with offsets committed after delivery'
  t.test(`records come back once, in order, with their session as key: ${how}`, { skip }, async t => {
    const topics = await peer.topics()
    await peer.sendLines(topics.from, 0, 5000)
    const reader = await peer.reader(t, topics.to)
    const { service } = await startStage(t, peer, topics, { input: { transactions, maxChunkRecords: 300 } })
    await reader.all(5000)
    await service.stop()
    t.strictSame(
      reader.numbers,
      Array.from({ length: 5000 }, (_, i) => i),
    )
    t.ok(
      reader.records.every(
        ({ key, value }) => key === value.logneo.session && value.message!.endsWith(`req=${key}`),
      ),
    )
    t.ok(reader.records.every(({ tag }) => tag === `scored.kafka.${topics.from}`))
    for (let s = 0; s < 7; s++) {
      const own = reader.records.filter(({ key }) => key === `s${s}`)
      t.equal(new Set(own.map(({ partition }) => partition)).size, 1, 'a session is on one partition')
      const numbers = own.map(({ value }) => Number(/n=(\d+)/.exec(value.message!)![1]))
      t.strictSame(
        numbers,
        numbers.toSorted((a, b) => a - b),
        'and in order',
      )
    }
    t.equal(await peer.committed(topics.group, topics.from), 5000, 'the group is done with all')
  })
}

const numbersUpTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** A config of a stage that learns. Chunks are small, so that there is always one under way. */
const configOf = ({ from, to, group }: Topics): string => `
model: {path: model}
session: {regex: 'req=(\\w+)'}
input:
  kafka: {brokers: ['${broker.address}'], topics: [${from}], group: ${group}, transactions: true, max_chunk_records: 50,
          session_timeout_ms: 1000, heartbeat_ms: 100}
output:
  kafka: {brokers: ['${broker.address}'], topic: ${to}, summary_topic: ${to}}
`

t.test('a stage killed again and again loses and doubles nothing', { skip }, async t => {
  const numRecords = 8000
  const topics = await peer.topics(4)
  const reader = await peer.reader(t, topics.to)
  await peer.sendLines(topics.from, 0, numRecords, 100)
  let stage = StageProcess.start(t, configOf(topics))
  for (const enough of [1000, 3000, 5000]) {
    await reader.until(({ records }) => records.length >= enough)
    await stage.end('SIGKILL')
    t.ok(reader.records.length < numRecords, 'killed while it worked')
    stage = StageProcess.start(t, configOf(topics))
  }
  await reader.all(numRecords)
  t.equal(await stage.end('SIGTERM'), 0)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
})

t.test('a zombie is fenced: what it still holds is never read', { skip }, async t => {
  const numRecords = 3000
  const topics = await peer.topics(1)
  const reader = await peer.reader(t, topics.to)
  await peer.sendLines(topics.from, 0, numRecords)
  const zombie = StageProcess.start(t, configOf(topics))
  await reader.until(({ records }) => records.length >= 500)
  // Asleep, perhaps in the middle of a transaction, until the group has given it up and another has all its partitions.
  zombie.signal('SIGSTOP')
  const { counters } = await startStage(t, peer, topics, {
    input: { transactions: true, maxChunkRecords: 50 },
  })
  await reader.all(numRecords)
  zombie.signal('SIGCONT')
  await peer.sendLines(topics.from, numRecords, numRecords + 1000)
  await reader.all(numRecords + 1000)
  t.equal(await zombie.end('SIGTERM'), 0)
  t.ok(counters.of('kafka_chunks_total') > 0)
  t.strictSame(reader.numbers, numbersUpTo(numRecords + 1000))
})

t.test('replicas come and go: nothing is lost or doubled', { skip }, async t => {
  const numRecords = 12_000
  const topics = await peer.topics(6)
  const reader = await peer.reader(t, topics.to)
  const settings = { input: { transactions: true, maxChunkRecords: 50 } }
  const feed = (async () => {
    for (let i = 0; i < numRecords; i += 500) {
      await peer.sendLines(topics.from, i, i + 500, 100)
      await reader.until(({ records }) => records.length > i - 2000)
    }
  })()
  const first = await startStage(t, peer, topics, settings)
  await reader.until(({ records }) => records.length >= 1500)
  const second = await startStage(t, peer, topics, settings)
  await second.counters.reaches('kafka_chunks_total', 10)
  await first.service.stop()
  const third = await startStage(t, peer, topics, settings)
  await third.counters.reaches('kafka_chunks_total', 10)
  await second.service.stop()
  await feed
  await reader.all(numRecords)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
  const moved = reader.received.filter(({ value }) => value.logneo.closed === 'open')
  t.ok(moved.length > 0, 'sessions of partitions that moved are summed up as open')
})

t.test('without transactions replicas that come and go lose nothing', { skip }, async t => {
  const numRecords = 6000
  const topics = await peer.topics(4)
  const reader = await peer.reader(t, topics.to)
  await peer.sendLines(topics.from, 0, numRecords, 100)
  const settings = { input: { maxChunkRecords: 50 } }
  const first = await startStage(t, peer, topics, settings)
  await first.counters.reaches('kafka_chunks_total', 5)
  const second = await startStage(t, peer, topics, settings)
  await reader.until(({ records }) => records.length >= 3000)
  await first.service.stop()
  await reader.all(numRecords)
  await second.service.stop()
  t.strictSame([...new Set(reader.numbers)], numbersUpTo(numRecords))
  t.equal(await peer.committed(topics.group, topics.from), numRecords)
})
