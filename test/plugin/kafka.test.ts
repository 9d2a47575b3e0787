import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { PackedEntries } from '../../plugin/chunk.js'
import { DeliveryError } from '../../plugin/errors.js'
import type { Output } from '../../plugin/output/output.js'
import { createStage } from '../../plugin/stage.js'
import type { Verdict } from '../../plugin/verdict.js'
import { LetterBox } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'
import { KafkaPeer, startStage, type Topics } from '../fixtures/plugin/kafka-peer.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'
import { StageProcess } from '../fixtures/plugin/stage-process.js'
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
  await reader.until(({ received }) => received.some(({ value }) => value.logneo.closed === 'open'))
  t.pass('sessions of partitions that moved are summed up as open')
  await first.service.stop()
  const third = await startStage(t, peer, topics, settings)
  await third.counters.reaches('kafka_chunks_total', 10)
  await second.service.stop()
  await feed
  await reader.all(numRecords)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
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
    t.strictSame(transactions ? reader.numbers : [...new Set(reader.numbers)], expected)
  }
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

t.test('a broker that restarts loses and doubles nothing', { skip }, async t => {
  const numRecords = 4000
  const topics = await peer.topics(2)
  await peer.sendLines(topics.from, 0, numRecords)
  const reader = await peer.reader(t, topics.to)
  const { counters, warnings } = await startStage(t, peer, topics, {
    input: { transactions: true, maxChunkRecords: 20 },
  })
  await reader.until(({ records }) => records.length >= 500)
  await broker.kill()
  await sleep(500)
  await broker.start()
  const restartedAt = performance.now()
  const before = counters.of('kafka_chunks_total')
  await counters.reaches('kafka_chunks_total', before + 1)
  t.comment(`on its way again ${Math.round(performance.now() - restartedAt)} ms after the broker was`)
  await reader.all(numRecords)
  t.strictSame(reader.numbers, numbersUpTo(numRecords))
  t.ok(warnings.length > 0, 'it said that the broker was away')
})

/** Takes nothing until it is opened. */
class Gate implements Output {
  readonly name = 'gate'
  readonly isReady = true
  #open = (): void => {}
  #wait = (): void => {}
  readonly #opened = new Promise<void>(resolve => {
    this.#open = resolve
  })
  readonly #waited = new Promise<void>(resolve => {
    this.#wait = resolve
  })

  deliver(): Promise<void> {
    this.#wait()
    return this.#opened
  }

  open(): void {
    this.#open()
  }

  isWaited(): Promise<void> {
    return this.#waited
  }

  async close(): Promise<void> {}
}

/** Refuses everything the first time. */
class Flaky implements Output {
  readonly name = 'flaky'
  readonly isReady = true
  readonly #seen = new Set<PackedEntries>()

  async deliver(_: string, entries: PackedEntries): Promise<void> {
    if (this.#seen.has(entries)) return
    this.#seen.add(entries)
    throw new DeliveryError('flaky takes nothing now')
  }

  async close(): Promise<void> {}
}
