import t from 'tap'
import { configOf, KafkaPeer, numbersUpTo, startStage } from '../fixtures/plugin/kafka-peer.js'
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

t.test('a stage killed again and again loses and doubles nothing', { skip }, async t => {
  const topics = await peer.topics(4)
  const reader = await peer.reader(t, topics.to)
  const feed = peer.keepSending(topics.from, reader)
  let stage = StageProcess.start(t, configOf(peer, topics))
  for (const enough of [1000, 2500]) {
    await reader.until(({ records }) => records.length >= enough)
    await stage.end('SIGKILL')
    stage = StageProcess.start(t, configOf(peer, topics))
  }
  await reader.until(({ records }) => records.length >= 4000)
  const numRecords = await feed.stop()
  await reader.all(numRecords)
  t.equal(await stage.end('SIGTERM'), 0)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
})

t.test('a zombie is fenced: what it still holds is never read', { skip }, async t => {
  const topics = await peer.topics(1)
  const reader = await peer.reader(t, topics.to)
  const feed = peer.keepSending(topics.from, reader)
  const zombie = StageProcess.start(t, configOf(peer, topics))
  await reader.until(({ records }) => records.length >= 500)
  // Asleep, perhaps in the middle of a transaction, until the group has given it up and another has all its partitions.
  zombie.signal('SIGSTOP')
  const { counters } = await startStage(t, peer, topics, {
    input: { transactions: true, maxChunkRecords: 50 },
  })
  await counters.reaches('kafka_chunks_total', 10)
  zombie.signal('SIGCONT')
  const numRead = reader.records.length
  await reader.until(({ records }) => records.length >= numRead + 1000)
  const numRecords = await feed.stop()
  await reader.all(numRecords)
  t.equal(await zombie.end('SIGTERM'), 0)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
})

t.test('replicas come and go: nothing is lost or doubled', { skip }, async t => {
  const topics = await peer.topics(6)
  const reader = await peer.reader(t, topics.to)
  const settings = { input: { transactions: true, maxChunkRecords: 50 } }
  const feed = peer.keepSending(topics.from, reader)
  const first = await startStage(t, peer, topics, settings)
  await reader.until(({ records }) => records.length >= 1500)
  const second = await startStage(t, peer, topics, settings)
  await second.counters.reaches('kafka_chunks_total', 10)
  await reader.until(({ received }) => received.some(({ value }) => value.logneo.closed === 'open'))
  t.pass('sessions of partitions that moved are summed up as open')
  await first.service.stop()
  const third = await startStage(t, peer, topics, settings)
  await third.counters.reaches('kafka_chunks_total', 10)
  await second.service.stop()
  const numRecords = await feed.stop()
  await reader.all(numRecords)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
})

t.test('without transactions replicas that come and go lose nothing', { skip }, async t => {
  const topics = await peer.topics(4)
  const reader = await peer.reader(t, topics.to)
  const feed = peer.keepSending(topics.from, reader)
  const settings = { input: { maxChunkRecords: 50 } }
  const first = await startStage(t, peer, topics, settings)
  await first.counters.reaches('kafka_chunks_total', 5)
  const second = await startStage(t, peer, topics, settings)
  await second.counters.reaches('kafka_chunks_total', 5)
  await first.service.stop()
  const numRecords = await feed.stop()
  await reader.all(numRecords)
  await second.service.stop()
  t.strictSame([...new Set(reader.numbers)], numbersUpTo(numRecords))
  t.equal(await peer.committed(topics.group, topics.from), numRecords)
})
