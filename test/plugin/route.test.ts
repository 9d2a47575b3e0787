import t, { type Test } from 'tap'
import { entryEnd, type PackedEntries, recordStart } from '../../plugin/chunk.js'
import { decodeRecord } from '../../plugin/msgpack/decode.js'
import type { Output } from '../../plugin/output/output.js'
import { ContextStore } from '../../plugin/route/context-store.js'
import { type Lane, Lanes } from '../../plugin/route/lanes.js'
import { DEFAULT_ROUTE_OPTIONS, type RouteOptions } from '../../plugin/route/options.js'
import { Router } from '../../plugin/route/router.js'
import { isSampled } from '../../plugin/route/sampling.js'
import { Service } from '../../plugin/service.js'
import type { SessionSummary, Verdict } from '../../plugin/verdict.js'
import { packed, RawPeer, Tally } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { logLine, smallModel } from '../fixtures/plugin/small-model.js'

function records({ buffer, count, ...entries }: PackedEntries): Record<string, unknown>[] {
  const all = { buffer, count, ...entries }
  return Array.from({ length: count }, (_, i) => decodeRecord(buffer, recordStart(all, i), entryEnd(all, i)))
}

/** Tag, outputs and names of records of each lane. */
const show = (lanes: readonly Lane[]) =>
  lanes.map(({ tag, to, entries }) => [
    tag,
    to ? [...to].join() : 'all',
    records(entries)
      .map(({ n }) => n)
      .join(),
  ])

function subject(options: RouteOptions) {
  const counters = new Tally()
  const router = new Router({ ...DEFAULT_ROUTE_OPTIONS, ...options }, 'scored.', counters)
  /** Routes records of one chunk, each `name`, session and verdict. */
  const route = (
    events: readonly (readonly [name: string, session: string | undefined, verdict: Partial<Verdict>])[],
    tag = 'raw',
  ) => {
    const lanes = new Lanes()
    for (const [n, session, verdict] of events)
      router.route(
        lanes,
        tag,
        { status: 'scored', ...(session && { session }), ...verdict },
        encode([eventTime(1), { n }]),
      )
    return show(lanes.finish())
  }
  const close = (session: string, anomaly: boolean) => {
    const lanes = new Lanes()
    router.close(lanes, { session, anomaly, severity: anomaly ? 'high' : 'none' } as SessionSummary)
    return show(lanes.finish())
  }
  return { counters, router, route, close }
}

const normal: Partial<Verdict> = { anomaly: false, severity: 'none' }
const high: Partial<Verdict> = { anomaly: true, severity: 'high' }
const low: Partial<Verdict> = { anomaly: true, severity: 'low' }

t.test('records go by the first rule that names their severity', async t => {
  const { route } = subject({
    rules: [
      { severity: ['high'], tag: 'urgent.', to: ['forward'] },
      { severity: ['medium', 'high'], tag: 'odd.' },
      { severity: ['low'], sample: 0 },
    ],
  })
  t.strictSame(
    route([
      ['a', 's', normal],
      ['b', 's', high],
      ['c', 's', { anomaly: true, severity: 'medium' }],
      ['d', 's', low],
      ['e', 's', { status: 'unscored' }],
      ['f', undefined, { status: 'learning' }],
      ['g', 's', high],
    ]),
    [
      ['scored.raw', 'all', 'a,e,f'],
      ['scored.urgent.raw', 'forward', 'b,g'],
      ['scored.odd.raw', 'all', 'c'],
    ],
  )
})

t.test('an anomaly takes the records around it along, whatever chunk and tag they came in', async t => {
  const { route, counters } = subject({
    rules: [
      { severity: ['none'], sample: 0 },
      { severity: ['high'], tag: 'urgent.' },
    ],
    contextBefore: 3,
    contextAfter: 2,
  })
  t.strictSame(
    route([
      ['a', 's', normal],
      ['b', 's', normal],
      ['x', 'other', normal],
    ]),
    [],
  )
  t.strictSame(
    route(
      [
        ['c', 's', normal],
        ['d', 's', normal],
      ],
      'raw.two',
    ),
    [],
  )
  t.strictSame(
    route([
      ['e', 's', high],
      ['f', 's', normal],
      ['y', 'other', normal],
      ['g', 's', normal],
      ['h', 's', normal],
    ]),
    [
      ['scored.urgent.raw', 'all', 'b,e'],
      ['scored.urgent.raw.two', 'all', 'c,d'],
      ['scored.raw', 'all', 'f,g'],
    ],
  )
  t.equal(counters.of('records_left_out_total'), 7)
  t.equal(counters.of('records_kept_as_context_total'), 5)
})

t.test('an anomaly found only when the session closed has its context too', async t => {
  const { route, close } = subject({ rules: [{ severity: ['none'], sample: 0 }] })
  const events = [
    ['a', 's', normal],
    ['b', 'normal', normal],
  ] as const
  route(events)
  t.strictSame(close('s', true), [['scored.raw', 'all', 'a']])
  t.strictSame(close('normal', false), [])
  t.strictSame(close('normal', true), [], 'nothing is kept of sessions that were normal')
})

t.test('what is dropped on purpose brings no context', async t => {
  const { route } = subject({ rules: [{ severity: ['none', 'low'], sample: 0 }] })
  t.strictSame(
    route([
      ['a', 's', normal],
      ['b', 's', low],
      ['c', 's', normal],
    ]),
    [],
  )
})

t.test('a share of the sessions is kept whole, the same ones everywhere', async t => {
  const rules = [{ severity: ['none' as const], sample: 0.25 }]
  const sessions = Array.from({ length: 4000 }, (_, i) => `request-${i}`)
  const kept = sessions.filter(id => isSampled(id, 0.25))
  t.ok(Math.abs(kept.length - 1000) < 100, `${kept.length} of 4,000`)
  const events = sessions
    .slice(0, 40)
    .flatMap(id => [[`${id}a`, id, normal] as const, [`${id}b`, id, normal] as const])
  const wanted = sessions
    .slice(0, 40)
    .filter(id => isSampled(id, 0.25))
    .flatMap(id => [`${id}a`, `${id}b`])
  for (let replica = 0; replica < 2; replica++)
    t.strictSame(subject({ rules }).route(events), [['scored.raw', 'all', wanted.join()]])
  t.ok(isSampled('x', 1))
  t.notOk(isSampled('x', 0))
})

t.test('what is held for context is bounded', async t => {
  const store = new ContextStore(2, 1000)
  const record = (n: number) => ({ tag: 'raw', bytes: Buffer.alloc(100, n) })
  for (let i = 0; i < 5; i++) store.add('a', record(i))
  t.strictSame(
    store.take('a').map(({ bytes }) => bytes[0]),
    [3, 4],
  )
  t.equal(store.bytes, 0)
  for (let i = 0; i < 100; i++) store.add(`s${i}`, record(i))
  t.ok(store.bytes <= 1000)
  t.equal(store.take('s0').length, 0)
  t.equal(store.take('s99').length, 1)
  store.add('huge', { tag: 'raw', bytes: Buffer.alloc(5000) })
  t.equal(store.bytes, 0, 'what is larger than all is not held')
  const none = new ContextStore(0, 1000)
  none.add('a', record(1))
  t.equal(none.bytes, 0)
})

/** Keeps what it gets. */
class Memory implements Output {
  readonly isReady = true
  readonly seen: [tag: string, message: unknown][] = []

  constructor(readonly name: string) {}

  async deliver(tag: string, entries: PackedEntries): Promise<void> {
    for (const record of records(entries)) if ('message' in record) this.seen.push([tag, record.message])
  }

  async close(): Promise<void> {}
}

async function startService(t: Test, route: RouteOptions) {
  const outputs = [new Memory('forward 10.0.0.9:24224'), new Memory('ndjson out')]
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: await smallModel(), detect: { falseAlarmRate: 0.02 } },
    forward: { port: 0 },
    outputs,
    route,
    counters,
  })
  const address = await service.listen()
  t.teardown(() => service.stop())
  const peer = await RawPeer.to(address!)
  t.teardown(() => peer.socket.destroy())
  return { outputs, counters, peer }
}

t.test('through the stage: anomalies with their context to one output, normal records to none', async t => {
  const { outputs, peer, counters } = await startService(t, {
    rules: [
      { severity: ['none'], sample: 0 },
      { severity: ['low', 'medium', 'high'], tag: 'odd.', to: ['forward'] },
    ],
    contextAfter: 0,
  })
  const at = Date.UTC(2024, 4, 2)
  const strange = ['open', 'read', 'check', 'explosion'].map((kind, i) =>
    logLine(at + i * 1000, 'bad', kind, 211 + 137 * i),
  )
  const usual = ['open', 'read', 'check', 'read', 'check', 'close'].map((kind, i) =>
    logLine(at + i * 1000, 'good', kind, 211 + 137 * i),
  )
  const send = (chunk: string, lines: readonly string[]): void => {
    const entries = packed(lines.map((message, i) => [eventTime(1_700_000_000 + i), { message }]))
    peer.send(['raw.app', entries, { chunk, size: lines.length }])
  }
  send('one', [...strange.slice(0, 2), ...usual])
  send('two', strange.slice(2))
  t.strictSame(await peer.reply(2), [{ ack: 'one' }, { ack: 'two' }])
  t.strictSame(
    outputs.map(({ seen }) => seen),
    [strange.map(line => ['scored.odd.raw.app', line]), []],
  )
  t.equal(counters.of('records_left_out_total'), 9)
})
