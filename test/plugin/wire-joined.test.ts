import t, { type Test } from 'tap'
import type { ChunkHandler } from '../../plugin/chunk.js'
import { packLines } from '../../plugin/input/pack-lines.js'
import { ForwardSink } from '../../plugin/output/forward-sink.js'
import type { ServiceOptions } from '../../plugin/service.js'
import { Service } from '../../plugin/service.js'
import type { Verdict } from '../../plugin/verdict.js'
import { packed, RawPeer, Receiver, Tally } from '../fixtures/forward-peer.js'
import { eventTime } from '../fixtures/forward-values.js'
import { logLine, smallModel } from '../fixtures/plugin/small-model.js'

const START_MS = Date.UTC(2024, 4, 2)

async function startService(t: Test, options: Partial<ServiceOptions>) {
  const receiver = await Receiver.start(t, { ownTagPrefix: '' })
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: await smallModel(), detect: { falseAlarmRate: 0.02 } },
    forward: { port: 0 },
    outputs: [new ForwardSink({ port: receiver.address.port }, counters)],
    counters,
    ...options,
  })
  const address = await service.listen()
  t.teardown(() => service.stop())
  const peer = await RawPeer.to(address!)
  t.teardown(() => peer.socket.destroy())
  let numSent = 0
  const send = (lines: readonly (readonly [line: string, seconds: number])[]): void => {
    const entries = lines.map(([message, seconds]) => [eventTime(1_700_000_000 + seconds), { message }])
    peer.send(['app', packed(entries), { chunk: `c${numSent++}`, size: lines.length }])
  }
  return { receiver, counters, service, peer, send }
}

interface Arrived {
  readonly message?: string
  readonly logneo: Verdict
}

const arrived = (receiver: Receiver): Arrived[] =>
  (receiver.records as Arrived[]).filter(({ message }) => message !== undefined)

const line = (kind: string, i: number): string => logLine(START_MS + i * 1000, 's1', kind, i)

t.test('a trace is forwarded line by line, in order, and counts once', async t => {
  const { receiver, counters, peer, send } = await startService(t, { join: {} })
  const lines = [
    line('open', 0),
    line('crash', 1),
    'java.lang.IllegalStateException: no such account req=other',
    '\tat com.example.Payment.pay(Payment.java:42)',
    line('read', 2),
  ]
  // "crash" is no word of trouble, so the line says so.
  lines[1] = lines[1]!.replace('happened', 'failed')
  send(lines.slice(0, 3).map(text => [text, 0]))
  send(lines.slice(3).map(text => [text, 0]))
  t.strictSame(await peer.reply(2), [{ ack: 'c0' }, { ack: 'c1' }])
  const records = arrived(receiver)
  t.strictSame(
    records.map(({ message }) => message),
    lines,
  )
  t.match(records[1]!.logneo, { status: 'scored', session: 's1', reasons: Array })
  const { session, status, severity, score } = records[1]!.logneo
  for (const { logneo } of records.slice(2, 4)) {
    t.match(logneo, { status, session, severity, anomaly: false, continuation: true })
    t.ok(Math.abs(logneo.score! - score!) < 1e-5)
  }
  t.equal(records[4]!.logneo.continuation, undefined)
  t.equal(counters.of('continuations_total'), 2)
  t.equal(counters.of('events_total'), 5)
})

t.test(
  'lines of one partition do not go on with those of another, nor with those of before it was away',
  async t => {
    let take: ChunkHandler = async () => {}
    let release = (_: string): void => {}
    const { counters } = await startService(t, {
      join: {},
      inputs: [
        (given, _, releasing) => {
          take = given
          release = releasing
          return { name: 'partitions', start: async () => {}, close: async () => {} }
        },
      ],
    })
    const from = (partition: number, text: string): Promise<void> =>
      take({ ...packLines('app', [text], START_MS), origin: `kafka app/${partition}` })
    const frame = '\tat com.example.Payment.pay(Payment.java:42)'
    await from(0, line('open', 0))
    await from(1, frame)
    t.equal(counters.of('continuations_total'), 0)
    await from(0, frame)
    t.equal(counters.of('continuations_total'), 1)
    release('kafka app/0')
    await from(0, frame)
    t.equal(counters.of('continuations_total'), 1)
  },
)

t.test('pieces of a CRI line are judged as the line, and acknowledged when that is', async t => {
  const { receiver, peer, send } = await startService(t, { join: { timeoutMs: 60_000 } })
  const [head, tail] = [line('open', 0).slice(0, 40), line('open', 0).slice(40)]
  const cri = (flag: string, text: string) => `2024-05-02T00:00:00.0Z stdout ${flag} ${text}`
  send([[cri('P', head), 0]])
  send([[cri('F', tail), 0]])
  await peer.reply(2)
  const records = arrived(receiver)
  t.strictSame(
    records.map(({ message }) => message),
    [cri('P', head), cri('F', tail)],
  )
  t.match(records[0]!.logneo, { status: 'scored', session: 's1' })
  t.match(records[0]!.logneo.template, /connection accepted from peer/)
  t.match(records[1]!.logneo, { session: 's1', continuation: true })
})

t.test('stopping waits for no piece', async t => {
  const { receiver, service, counters, send } = await startService(t, { join: { timeoutMs: 60_000 } })
  send([['2024-05-02T00:00:00.0Z stdout P alone', 0]])
  await counters.reaches('forward_entries_total', 1)
  await service.stop()
  t.equal(arrived(receiver).length, 1)
})

t.test('chunks that overtook each other are judged in order, and forwarded as they came', async t => {
  const kinds = ['open', 'read', 'check', 'read', 'check', 'close']
  const texts = kinds.map((kind, i) => line(kind, i))
  const ordered = await startService(t, {})
  ordered.send(texts.map((text, i) => [text, i]))
  await ordered.peer.reply(1)
  const expected = arrived(ordered.receiver).map(({ message, logneo }) => [
    message,
    logneo.anomaly,
    logneo.rank,
  ])
  const mixed = await startService(t, { reorderMs: 200 })
  mixed.send(texts.slice(3).map((text, i) => [text, i + 3]))
  mixed.send(texts.slice(0, 3).map((text, i) => [text, i]))
  await mixed.peer.reply(2)
  const found = arrived(mixed.receiver).map(({ message, logneo }) => [message, logneo.anomaly, logneo.rank])
  t.strictSame(found.map(([message]) => message).toSorted(), texts.toSorted())
  t.strictSame(
    new Set(found.map(part => JSON.stringify(part))),
    new Set(expected.map(part => JSON.stringify(part))),
  )
})
