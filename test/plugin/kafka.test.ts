import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { RecordsRefusedError } from '../../plugin/errors.js'
import { KafkaSink } from '../../plugin/output/kafka.js'
import { createStage } from '../../plugin/stage.js'
import type { Verdict } from '../../plugin/verdict.js'
import { LetterBox, Tally } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'
import { KafkaPeer, numbersUpTo, startStage } from '../fixtures/plugin/kafka-peer.js'
import { packEntries } from '../fixtures/plugin/packed-entries.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'
import { KAFKA_USER, KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

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

t.test('whatever a value holds, it comes out as a record', { skip }, async t => {
  const topics = await peer.topics(1)
  const values: (Buffer | string | null)[] = [
    '{"message":"json req=a","deep":{"n":[1,null]}}',
    'plain req=a',
    encode({ message: 'packed req=a', id: 7 }) as Buffer,
    '{"message": "cut off req=a',
    `{"message":"deep req=a","x":${'['.repeat(100)}${']'.repeat(100)}}`,
    Buffer.from([0xff, 0xfe, 0x41, 0x42]),
    Buffer.from([0x82, 0xa1]),
    '',
    null,
    '{"__proto__":{"polluted":true},"message":"proto req=a"}',
    '[1,2]',
  ]
  await peer.send(
    topics.from,
    values.map((value, i) => ({ key: `k${i}`, value, timestamp: String(1_700_000_000_000 + i) })),
  )
  const reader = await peer.reader(t, topics.to)
  const { counters } = await startStage(t, peer, topics, { input: { keyField: 'kafka_key' } })
  await reader.until(({ records }) => records.length >= values.length)
  const records = reader.records.map(({ value: { logneo: _, ...record } }) => record)
  t.strictSame(
    records.map(({ kafka_key }) => kafka_key),
    values.map((_, i) => `k${i}`),
  )
  t.strictSame(
    records.map(({ message }) => message),
    [
      'json req=a',
      'plain req=a',
      'packed req=a',
      '{"message": "cut off req=a',
      values[4],
      '\ufffd\ufffdAB',
      '\ufffd\ufffd',
      '',
      undefined,
      'proto req=a',
      '[1,2]',
    ],
  )
  t.strictSame(records[0]!.deep, { n: [1, null] })
  t.equal(records[2]!.id, 7)
  t.ok(reader.records.every(({ timestamp }, i) => timestamp === String(1_700_000_000_000 + i)))
  t.equal(counters.of('kafka_values_malformed_total'), 5)
})

t.test('what the topic cannot take is a dead letter, all else is delivered once', { skip }, async t => {
  for (const transactions of [false, true]) {
    const topics = await peer.topics(2, 20_000)
    for (let i = 0; i < 200; i++)
      await peer.send(topics.from, [
        { key: `s${i % 5}`, value: `n=${i} req=s${i % 5} ${'x'.repeat(i === 77 ? 30_000 : 500)}` },
      ])
    const reader = await peer.reader(t, topics.to)
    const deadLetter = new LetterBox()
    const { service, warnings } = await startStage(t, peer, topics, { input: { transactions }, deadLetter })
    await reader.all(199)
    await service.stop()
    t.ok(deadLetter.letters.length >= 1)
    t.match(deadLetter.letters[0]!.bytes.toString(), /n=77 /)
    t.match(warnings.join('\n'), /refused a batch of \d+ bytes.*max_batch_bytes/)
    const expected = numbersUpTo(200).filter(n => n !== 77)
    t.strictSame(reader.numbers, expected)
  }
})

t.test('what is sent before a record that the topic cannot take is not sent again', { skip }, async t => {
  const topics = await peer.topics(1, 20_000)
  const counters = new Tally()
  const sink = new KafkaSink({ brokers: [peer.address], topic: topics.to, maxBatchBytes: 40_000 }, counters)
  t.teardown(() => sink.close())
  const reader = await peer.reader(t, topics.to)
  // Batches: 0 to 9, which is taken; 10, refused; 11 and 12, refused together, though each can be taken alone.
  const sizes = Array.from({ length: 16 }, (_, n) => ({ 10: 30_000, 11: 12_000, 12: 19_000 })[n] ?? 1500)
  const records = sizes.map((size, n) => ({ message: `n=${n} ${'x'.repeat(size)}`, logneo: {} }))
  const failure = await sink
    .deliver('scored.a', packEntries(records.map(record => [0, record])))
    .catch(error => error)
  t.ok(failure instanceof RecordsRefusedError)
  t.match(failure.refused, [{ entryIndex: 10, reason: /has \d+ bytes and the topic takes \d+: shorten it/ }])
  t.equal(failure.refused.length, 1)
  await reader.all(15)
  t.strictSame(
    reader.numbers,
    numbersUpTo(16).filter(n => n !== 10),
  )
  t.equal(counters.of('kafka_output_records_total'), 15)
})

t.test('over TLS, with a password', { skip }, async t => {
  const topics = await peer.topics(1)
  await peer.sendLines(topics.from, 0, 100)
  const reader = await peer.reader(t, topics.to)
  const connection = {
    brokers: [broker.secureAddress],
    tls: { ca: broker.certificate },
    sasl: { mechanism: 'plain', ...KAFKA_USER },
  } as const
  await startStage(t, peer, topics, { input: { ...connection, transactions: true }, output: connection })
  await reader.all(100)
  t.strictSame(reader.numbers, numbersUpTo(100))
})

t.test('a wrong password is told, without the password, and nothing is taken', { skip }, async t => {
  const topics = await peer.topics(1)
  const wrong = {
    brokers: [broker.secureAddress],
    tls: { ca: broker.certificate },
    sasl: { mechanism: 'plain', username: 'logneo', password: 'not-this-one' },
  } as const
  const { service, counters, warnings } = await startStage(t, peer, topics, { input: wrong, output: wrong })
  while (warnings.length < 2) await sleep(20)
  const started = performance.now()
  await service.stop()
  t.ok(performance.now() - started < 8000, 'it stops all the same')
  t.match(warnings.join('\n'), /Authentication failed/i)
  t.notMatch(warnings.join('\n'), /not-this-one/)
  t.equal(counters.of('kafka_records_total'), 0)
})

t.test('the verdicts are those of the same lines in a file', { skip }, async t => {
  const model = await smallModel()
  const lines = grammarLog(7, 100)
  const offline = await createStage({ model })
  const expected = (await offline.process(lines)).filter(({ logneo }) => !('kind' in logneo))
  await offline.close()
  const topics = await peer.topics(1)
  await peer.send(
    topics.from,
    lines.map(value => ({ value })),
  )
  const reader = await peer.reader(t, topics.to)
  await startStage(t, peer, topics, { model, input: { transactions: true, maxChunkRecords: 33 } })
  await reader.until(({ records }) => records.length >= lines.length)
  const records = new Map(reader.records.map(({ value }) => [value.message, value.logneo]))
  for (const { message, logneo } of expected) {
    const { score: wantedScore, surprise: wantedSurprise, ...wanted } = logneo as Verdict
    const { score, surprise, ...verdict } = records.get(message as string) as unknown as Verdict
    if (!(Math.abs(score! - wantedScore!) < 1e-4 && Math.abs(surprise! - wantedSurprise!) < 1e-4))
      t.equal(score, wantedScore, `score of ${String(message)}`)
    if (verdict.anomaly === wanted.anomaly && verdict.rank === wanted.rank) continue
    t.strictSame(verdict, wanted, `verdict of ${String(message)}`)
  }
  t.equal(records.size, lines.length)
})
