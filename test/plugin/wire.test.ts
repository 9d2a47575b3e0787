import { FluentClient } from '@fluent-org/logger'
import t, { type Test } from 'tap'
import { entryStart, recordStart } from '../../plugin/chunk.js'
import { ForwardServer } from '../../plugin/input/forward.js'
import { decodeValue } from '../../plugin/msgpack/decode.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { ForwardSink } from '../../plugin/output/forward-sink.js'
import type { Output } from '../../plugin/output/output.js'
import { Service } from '../../plugin/service.js'
import { createStage } from '../../plugin/stage.js'
import type { Verdict } from '../../plugin/verdict.js'
import { LetterBox, packed, plainEntries, RawPeer, Receiver, Tally } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { type RecordingModel, trainRecordingModel } from '../fixtures/recording-model.js'

let model: RecordingModel
let lines: string[]
let offline: Verdict[]

t.before(async () => {
  model = await trainRecordingModel()
  lines = await model.lines(48_000, 50_000)
  const stage = await createStage({ model: model.path })
  offline = (await stage.process(lines)).flatMap(({ logneo }) => ('kind' in logneo ? [] : [logneo]))
  await stage.close()
})

/** A stage between a sender and a receiver, all on real sockets. */
async function startService(t: Test, { emitMetadata = false } = {}) {
  const receiver = await Receiver.start(t, { ownTagPrefix: '' })
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: model.path },
    forward: { port: 0 },
    outputs: [new ForwardSink({ port: receiver.address.port, emitMetadata }, counters)],
    counters,
  })
  const address = await service.listen()
  t.teardown(() => service.stop())
  return { receiver, counters, service, port: address!.port }
}

function verdictsOf(receiver: Receiver): Verdict[] {
  return recordsOf(receiver)
    .map(record => record.logneo as Verdict)
    .filter(verdict => !('kind' in verdict))
}

function recordsOf(receiver: Receiver): Record<string, unknown>[] {
  return receiver.records as Record<string, unknown>[]
}

function sameVerdicts(t: Test, actual: readonly Verdict[], expected: readonly Verdict[]): void {
  t.equal(actual.length, expected.length, 'every record arrives once')
  actual.forEach((verdict, i) => {
    const wanted = expected[i]!
    const { score = 0, surprise = 0, message: _, expected: __, ...exact } = verdict
    const {
      score: wantedScore = 0,
      surprise: wantedSurprise = 0,
      message: ___,
      expected: ____,
      ...wantedExact
    } = wanted
    if (Math.abs(score - wantedScore) > 1e-4 || Math.abs(surprise - wantedSurprise) > 1e-4)
      t.match(verdict, wanted, `record ${i}`)
    if (JSON.stringify(exact) !== JSON.stringify(wantedExact)) t.strictSame(exact, wantedExact, `record ${i}`)
  })
}

for (const size of [1, 7, 500]) {
  t.test(`chunks of ${size}: records come once, in order, with the verdicts of offline scoring`, async t => {
    const { receiver, port, service } = await startService(t)
    const sender = new ForwardOutput({ port })
    const sent: Promise<void>[] = []
    for (let i = 0; i < lines.length; i += size) {
      const chunk = lines
        .slice(i, i + size)
        .map(message => encode([eventTime(1_700_000_000, 0), { message }]))
      sent.push(sender.send('pg', Buffer.concat(chunk), chunk.length))
    }
    await Promise.all(sent)
    await sender.close()
    await service.stop()
    const messages = recordsOf(receiver)
      .filter(record => 'message' in record)
      .map(record => record.message)
    t.strictSame(messages, lines, 'in order')
    sameVerdicts(t, verdictsOf(receiver), offline)
    t.ok(receiver.seen.every(({ tag }) => tag === 'scored.pg' || tag === 'logneo.session'))
  })
}

t.test('the Fluent client is acknowledged and its records come tagged', async t => {
  const { receiver, port } = await startService(t)
  const client = new FluentClient('app', {
    eventMode: 'PackedForward',
    ack: { ackTimeout: 20_000 },
    socket: { host: '127.0.0.1', port },
  })
  t.teardown(() => client.disconnect())
  await Promise.all(lines.slice(0, 200).map(message => client.emit('pg', { message })))
  await client.flush()
  t.equal(verdictsOf(receiver).length, 200)
  sameVerdicts(t, verdictsOf(receiver), offline.slice(0, 200))
})

t.test('a chunk sent twice changes nothing', async t => {
  const { receiver, counters, port } = await startService(t)
  const entries = packed(plainEntries(...lines.slice(0, 50)))
  for (let i = 0; i < 3; i++) {
    // Each time on a connection of its own, as Fluent Bit may do.
    const peer = await RawPeer.to({ address: '127.0.0.1', family: 'IPv4', port })
    peer.send(['pg', entries, { chunk: 'one', size: 50 }])
    t.strictSame(await peer.reply(1), [{ ack: 'one' }])
    peer.socket.destroy()
  }
  t.equal(verdictsOf(receiver).length, 50)
  t.equal(counters.of('forward_chunks_repeated_total'), 2)
  t.equal(counters.of('events_total'), 50)
})

t.test(
  'metadata and group markers: as they came for Fluent Bit, without metadata for all others',
  async t => {
    const group = (seconds: number): unknown => [[eventTime(seconds), { resource: 'web' }], {}]
    const time = eventTime(1_700_000_000, 5_000_000)
    const entries = packed([
      group(0xffffffff),
      [[time, { source: 'tail' }], { message: lines[0] }],
      group(0xfffffffe),
    ])
    const openings: unknown[][] = []
    for (const emitMetadata of [false, true]) {
      const { receiver, port } = await startService(t, { emitMetadata })
      const seen: unknown[] = []
      receiver.onChunk = async ({ tag, entries }) => {
        if (tag !== 'scored.pg') return
        for (let i = 0; i < entries.count; i++)
          seen.push(decodeValue(entries.buffer, entryStart(entries, i) + 1, recordStart(entries, i)))
      }
      const sender = new ForwardOutput({ port })
      await sender.send('pg', entries, 3)
      await sender.close()
      t.strictSame(receiver.seen[0]!.kinds, ['group', 'event', 'group'])
      t.match(recordsOf(receiver), [{}, { logneo: { status: 'scored' } }, {}])
      openings.push(seen)
    }
    const marks = [0xffffffff, 0xfffffffe].map(seconds => [eventTime(seconds), { resource: 'web' }])
    t.strictSame(openings, [
      [marks[0], time, marks[1]],
      [marks[0], [time, { source: 'tail' }], marks[1]],
    ])
  },
)

t.test('records without a line and odd entries pass without harm', async t => {
  const { receiver, port } = await startService(t)
  const sender = new ForwardOutput({ port })
  const entries = [
    { message: lines[0] },
    { nothing: 1 },
    { message: 7 },
    { message: '' },
    { message: lines[1], logneo: 'old' },
  ]
  await sender.send(
    'pg',
    Buffer.concat(entries.map(record => encode([eventTime(1_700_000_000, 0), record]))),
    entries.length,
  )
  await sender.close()
  t.strictSame(
    verdictsOf(receiver).map(({ status }) => status),
    ['scored', 'unscored', 'unscored', 'unscored', 'scored'],
  )
  t.strictSame(Object.keys(recordsOf(receiver).at(-1)!), ['message', 'logneo'], 'one field logneo')
})

t.test('the receiver being away holds acks back and loses nothing', async t => {
  const receiver = new ForwardServer({ port: 0 }, async () => {})
  const { port: away } = await receiver.listen()
  await receiver.close()
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: model.path },
    forward: { port: 0 },
    outputs: [new ForwardSink({ port: away, retryMinMs: 10, retryMaxMs: 50 }, counters)],
    counters,
  })
  const address = await service.listen()
  const sender = new ForwardOutput({ port: address!.port })
  const sending = sender.send('pg', encode([eventTime(1_700_000_000, 0), { message: lines[0] }]), 1)
  await counters.reaches('forward_output_failures_total', 2)
  t.notOk(service.isReady)
  let arrived = 0
  const back = new ForwardServer({ port: away, ownTagPrefix: '' }, async ({ entries }) => {
    arrived += entries.count
  })
  await back.listen()
  await sending
  t.equal(arrived, 1)
  await sender.close()
  await service.stop()
  await back.close()
})

t.test('a record too large for any frame goes to the dead letters, the others arrive', async t => {
  const receiver = await Receiver.start(t, { ownTagPrefix: '' })
  const letters = new LetterBox()
  const service = await Service.open({
    stage: { model: model.path },
    forward: { port: 0 },
    outputs: [new ForwardSink({ port: receiver.address.port }, new Tally())],
    deadLetter: letters,
    counters: new Tally(),
  })
  const address = await service.listen()
  t.teardown(() => service.stop())
  const peer = await RawPeer.to(address!)
  const messages = [lines[0]!, 'x'.repeat(7_000_000), lines[1]!]
  peer.send(['pg', packed(plainEntries(...messages)), { chunk: 'large', size: 3 }])
  t.strictSame(await peer.reply(1), [{ ack: 'large' }])
  t.strictSame(
    recordsOf(receiver).map(({ message }) => message),
    [lines[0], lines[1]],
  )
  t.equal(letters.letters.length, 1)
  t.match(letters.letters[0]!.reason, /frame holds at most/)
  peer.socket.destroy()
})

t.test(
  'a chunk that could not be delivered is delivered when it is repeated, and not judged again',
  async t => {
    const delivered: number[] = []
    let isBroken = true
    const output: Output = {
      name: 'test',
      isReady: true,
      async deliver(_, { count }) {
        if (isBroken) throw new Error('disk full')
        delivered.push(count)
      },
      async close() {},
    }
    const counters = new Tally()
    const service = await Service.open({
      stage: { model: model.path },
      forward: { port: 0 },
      outputs: [output],
      counters,
    })
    const address = await service.listen()
    t.teardown(() => service.stop())
    const message = ['pg', packed(plainEntries(...lines.slice(0, 10))), { chunk: 'again', size: 10 }]
    const first = await RawPeer.to(address!)
    first.send(message)
    await first.closed
    t.strictSame(first.replies, [], 'no ack')
    isBroken = false
    const second = await RawPeer.to(address!)
    second.send(message)
    t.strictSame(await second.reply(1), [{ ack: 'again' }])
    t.strictSame(delivered, [10])
    t.equal(counters.of('events_total'), 10, 'judged once')
    second.socket.destroy()
  },
)
