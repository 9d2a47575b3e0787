import t from 'tap'
import type { Chunk } from '../../plugin/chunk.js'
import { resolveKafkaInputOptions } from '../../plugin/input/kafka-options.js'
import { KafkaPartition, type KafkaRecord } from '../../plugin/input/kafka-partition.js'
import { PackWriter } from '../../plugin/msgpack/write.js'
import { Tally } from '../fixtures/forward-peer.js'

const records = (count: number): KafkaRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    offset: String(i),
    key: null,
    value: Buffer.from(`line ${i}`),
    timestamp: '0',
    headers: {},
  }))

function open() {
  const taken: Chunk[] = []
  const released: string[] = []
  const counters = new Tally()
  const partition = new KafkaPartition(
    {
      options: resolveKafkaInputOptions({ brokers: ['b:9092'], topics: ['logs'], group: 'g' }),
      take: async chunk => void taken.push(chunk),
      counters,
      writer: new PackWriter(),
      interruption: new AbortController().signal,
      committed: async () => undefined,
      release: origin => void released.push(origin),
      settled: () => {},
      fenced: () => {},
      warn: () => {},
    },
    'logs',
    0,
    undefined,
  )
  const numTaken = (): number => taken.reduce((sum, { entries }) => sum + entries.count, 0)
  return { partition, released, counters, numTaken }
}

t.test('records that come twice are taken once', async t => {
  const { partition, released, numTaken } = open()
  await partition.work(records(10), 10)
  await partition.work(records(12), 12)
  t.equal(numTaken(), 12)
  t.same(released, [])
})

t.test('a topic made anew under a running stage is read from its beginning', async t => {
  const { partition, released, counters, numTaken } = open()
  await partition.work(records(10), 10)
  await partition.work(records(4), 4)
  t.equal(numTaken(), 14)
  t.same(released, ['kafka logs/0'], 'sessions of before are over')
  t.equal(partition.next, 4)
  t.equal(counters.of('kafka_partitions_begun_anew_total'), 1)
})
