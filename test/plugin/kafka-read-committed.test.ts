import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import { entryEnd, recordStart } from '../../plugin/chunk.js'
import { KafkaInput } from '../../plugin/input/kafka.js'
import { hideAborted } from '../../plugin/kafka/read-committed.js'
import { fieldPath, findField, readText } from '../../plugin/msgpack/field.js'
import { Tally } from '../fixtures/forward-peer.js'
import { KafkaPeer } from '../fixtures/plugin/kafka-peer.js'
import { KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

const message = (offset: number, producerId: string, inTransaction = true) => ({
  offset: String(offset),
  key: Buffer.from('key'),
  batchContext: { producerId, inTransaction },
  isControlRecord: false,
})
const marker = (offset: number, producerId: string, type: 'abort' | 'commit') => ({
  ...message(offset, producerId),
  key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]),
  isControlRecord: true,
})

t.test('messages of aborted transactions are hidden, however these lie', async t => {
  const messages = [
    message(10, 'a'),
    message(11, 'b'),
    message(12, 'c'),
    message(13, 'a'),
    message(14, '-1', false),
    marker(15, 'b', 'abort'),
    marker(16, 'a', 'abort'),
    message(17, 'a'),
    marker(18, 'c', 'commit'),
    marker(19, 'a', 'commit'),
    message(20, 'b'),
  ]
  const partition = {
    messages,
    abortedTransactions: [
      { producerId: 'b', firstOffset: '9' },
      { producerId: 'a', firstOffset: '7' },
      { producerId: 'b', firstOffset: '20' },
    ],
  }
  hideAborted(partition)
  const shown = messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset))
  t.same(shown, [12, 14, 17])
  t.same(partition.abortedTransactions, [], 'the library finds nothing more to do')
})

const skip = kafkaMissing()

t.test('records of transactions that were aborted crosswise are not read', { skip }, async t => {
  const broker = await KafkaBroker.start()
  t.teardown(() => broker.remove())
  const peer = await KafkaPeer.connect(broker.address)
  t.teardown(() => peer.close())
  const { from, group } = await peer.topics(1)
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const open = async (name: string) => {
    const producer = kafka.producer({ transactionalId: name, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    t.teardown(() => producer.disconnect())
    const transaction = await producer.transaction()
    const send = (text: string) => transaction.send({ topic: from, messages: [{ value: text }] })
    return { send, abort: () => transaction.abort(), commit: () => transaction.commit() }
  }
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(open))
  for (const [one, text] of [
    [a, 'aborted 1'],
    [b, 'aborted 2'],
    [c, 'committed'],
    [a, 'aborted 3'],
  ] as const)
    await one!.send(text)
  // The broker's list is in order of the ends.
  await b!.abort()
  await a!.abort()
  await c!.commit()
  await peer.send(from, [{ value: 'last' }])
  const read: string[] = []
  const input = new KafkaInput(
    { brokers: [broker.address], topics: [from], group, sessionTimeoutMs: 6000 },
    async ({ entries }) => {
      for (let i = 0; i < entries.count; i++) {
        const end = entryEnd(entries, i)
        const at = findField(entries.buffer, recordStart(entries, i), end, fieldPath('message'))
        read.push(readText(entries.buffer, at, end)!)
      }
    },
    () => {},
    new Tally(),
  )
  t.teardown(() => input.close())
  await input.start()
  while (!read.includes('last')) await sleep(10)
  t.same(read, ['committed', 'last'])
})
