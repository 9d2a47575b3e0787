import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type EventModes, FluentClient } from '@fluent-org/logger'
import t from 'tap'
import { ConfigError } from '../../plugin/errors.js'
import { ForwardServer } from '../../plugin/input/forward.js'
import type { HandshakeExchange } from '../../plugin/input/forward-handshake.js'
import { fluentBitEntries, gate, packed, plainEntries, RawPeer, Receiver } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'

const modes: EventModes[] = ['Message', 'Forward', 'PackedForward', 'CompressedPackedForward']

for (const eventMode of modes) {
  t.test(`the Fluent client's ${eventMode} mode arrives and is acknowledged`, async t => {
    const receiver = await Receiver.start(t)
    const client = new FluentClient('app', {
      eventMode,
      ack: { ackTimeout: 20_000 },
      milliseconds: true,
      socket: { host: '127.0.0.1', port: receiver.address.port },
    })
    t.teardown(() => client.disconnect())
    await Promise.all([
      client.emit('web', { message: 'first', n: 1 }, 1_700_000_000_123),
      client.emit('web', { message: 'zweite Zeile: größer', nested: { a: [1, null] } }, 1_700_000_001_000),
    ])
    t.strictSame(receiver.records, [
      { message: 'first', n: 1 },
      { message: 'zweite Zeile: größer', nested: { a: [1, null] } },
    ])
    t.strictSame(
      receiver.seen.flatMap(chunk => chunk.times),
      [1_700_000_000_123, 1_700_000_001_000],
    )
    t.ok(receiver.seen.every(chunk => chunk.tag === 'app.web' && chunk.chunkId !== undefined))
    t.equal(receiver.counters.of('forward_acks_total'), receiver.seen.length)
    t.equal(receiver.server.inFlightBytes, 0)
  })
}

t.test("Fluent Bit's default frame, without options and with metadata", async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  peer.send(['kube.a', fluentBitEntries('one', 'two')])
  await receiver.counters.reaches('forward_entries_total', 2)
  t.strictSame(receiver.seen, [
    {
      tag: 'kube.a',
      chunkId: undefined,
      times: [1_700_000_000_005, 1_700_000_001_005],
      kinds: ['event', 'event'],
      records: [{ message: 'one' }, { message: 'two' }],
    },
  ])
  t.strictSame(peer.replies, [], 'no ack where none is wanted')
})

/** Packed entries as the length and bytes of a str 8: older senders have no bin. */
function asText(entries: unknown[]): Buffer {
  const bytes = packed(entries)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

t.test('frames of every shape that is seen on the wire', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  const options = (chunk: string) => ({ chunk, size: 1, fluent_signal: 0, unheard: [1] })
  const array32 = Buffer.concat([
    Buffer.from([0x93]),
    encode('raw'),
    Buffer.from('dd00000001', 'hex'),
    packed(fluentBitEntries('array32')),
    encode(options('a')),
  ])
  const bin32 = Buffer.from('c600000000', 'hex')
  const gz = gzipSync(packed(plainEntries('gzip 1', 'gzip 2')))
  bin32.writeUInt32BE(gz.length, 1)
  peer.send(
    array32,
    ['raw', packed(plainEntries('packed')), options('b')],
    Buffer.concat([
      Buffer.from([0x93]),
      encode('raw'),
      bin32,
      gz,
      encode({ ...options('c'), compressed: 'gzip' }),
    ]),
    ['raw', 1_700_000_009, { message: 'integer time' }, options('d')],
    ['raw', eventTime(1_700_000_009, 1), { message: 'message mode', chunk: 'not an option' }, options('e')],
    ['raw', [eventTime(1_700_000_009), { meta: 1 }], { message: 'message with metadata' }, options('f')],
    Buffer.concat([Buffer.from('93a3726177d9', 'hex'), asText(plainEntries('text')), encode(options('g'))]),
    [Buffer.from('binary tag'), packed(plainEntries('bin')), { ...options('h'), compressed: 'text' }],
    ['raw', [], options('i')],
    ['raw', 1.5, { message: 'float time' }, { chunk: Buffer.from('j') }],
    ['raw', packed(plainEntries('nil options')), null],
    ['raw', 1_700_000_009, { message: 'no options' }],
  )
  const acks = await peer.reply(10)
  t.strictSame(new Set(acks.map(ack => String((ack as { ack: unknown }).ack))), new Set('abcdefghij'))
  t.strictSame((acks.at(-1) as { ack: unknown }).ack, Buffer.from('j'), 'an id is repeated as it came')
  await receiver.counters.reaches('forward_chunks_total', 12)
  t.equal(receiver.letters.letters.length, 0)
  t.equal(receiver.counters.of('forward_entries_broken_total'), 0)
  t.strictSame(
    receiver.seen.map(({ tag, records }) =>
      [tag, ...records.map(r => (r as { message: string }).message)].join(' '),
    ),
    [
      'raw array32',
      'raw packed',
      'raw gzip 1 gzip 2',
      'raw integer time',
      'raw message mode',
      'raw message with metadata',
      'raw text',
      'binary tag bin',
      'raw float time',
      'raw nil options',
      'raw no options',
    ],
    'in the order of the connection',
  )
  t.equal(receiver.seen[8]!.times[0], 1500)
})

t.test('a stream that comes one byte at a time', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  peer.socket.setNoDelay(true)
  const stream = Buffer.concat([
    encode(['raw', fluentBitEntries('one'), { chunk: '1' }]),
    encode(null),
    encode(['raw', packed(plainEntries('two')), { chunk: '2' }]),
  ])
  for (const byte of stream) {
    peer.send(Buffer.from([byte]))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.strictSame(await peer.reply(2), [{ ack: '1' }, { ack: '2' }])
  t.equal(receiver.counters.of('forward_heartbeats_total'), 1)
  t.strictSame(receiver.records, [{ message: 'one' }, { message: 'two' }])
})

t.test('concatenated gzip members are one chunk', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  const members = Buffer.concat(['a', 'b', 'c'].map(text => gzipSync(packed(plainEntries(text)))))
  peer.send(['raw', members, { chunk: 'x', compressed: 'gzip' }])
  t.strictSame(await peer.reply(1), [{ ack: 'x' }])
  t.strictSame(receiver.records, [{ message: 'a' }, { message: 'b' }, { message: 'c' }])
})

t.test('group markers and broken entries are told apart from events, and kept byte for byte', async t => {
  const receiver = await Receiver.start(t)
  let raw = Buffer.alloc(0)
  receiver.onChunk = async ({ entries }) => {
    raw = Buffer.from(entries.buffer.subarray(entries.offsets[0], entries.offsets.at(-1)))
  }
  const entries = [
    [[eventTime(0xffffffff), { schema: 'otlp' }], { resource: {} }],
    [[eventTime(1_700_000_000), {}], { message: 'inside' }],
    [[eventTime(0xfffffffe), {}], {}],
    [eventTime(1), 'not a map'],
    ['not a time', { message: 'x' }],
    42,
    [eventTime(1), { message: 'x' }, 'one too many'],
  ]
  const peer = await receiver.peer()
  peer.send(['raw', packed(entries), { chunk: 'x' }])
  await peer.reply(1)
  t.strictSame(receiver.seen[0]!.kinds, ['group', 'event', 'group', 'broken', 'broken', 'broken', 'broken'])
  t.ok(receiver.seen[0]!.times.slice(3).every(Number.isNaN))
  t.equal(receiver.counters.of('forward_entries_broken_total'), 4)
  t.ok(raw.equals(packed(entries)))
})

t.test('bytes that are not UTF-8 reach the handler as they came', async t => {
  const receiver = await Receiver.start(t)
  let record = ''
  receiver.onChunk = async ({ entries: { buffer, offsets } }) => {
    record = buffer.toString('hex', offsets[2], offsets[3])
  }
  const peer = await receiver.peer()
  peer.send(Buffer.from('93a37261779192 00 81a16da4fffe00e281a56368756e6ba178'.replaceAll(' ', ''), 'hex'))
  t.strictSame(await peer.reply(1), [{ ack: 'x' }])
  t.equal(record, '81a16da4fffe00e2')
})

t.test('chunks are handled in order and side by side; each ack comes when its own chunk is done', async t => {
  const receiver = await Receiver.start(t)
  const gates = new Map(['1', '2', '3'].map(id => [id, gate()]))
  receiver.onChunk = chunk => gates.get(chunk.chunkId!)!.wait
  const peer = await receiver.peer()
  const unpacked = (id: string) => ['raw', plainEntries(id), { chunk: id }]
  peer.send(
    ['raw', gzipSync(packed(plainEntries('1'))), { chunk: '1', compressed: 'gzip' }],
    unpacked('2'),
    unpacked('3'),
  )
  await receiver.counters.reaches('forward_chunks_total', 3)
  t.strictSame(
    receiver.seen.map(chunk => chunk.chunkId),
    ['1', '2', '3'],
    'what is unpacked slowly is not overtaken',
  )
  t.strictSame(peer.replies, [])
  gates.get('2')!.open()
  t.strictSame(await peer.reply(1), [{ ack: '2' }])
  gates.get('1')!.open()
  gates.get('3')!.open()
  t.equal((await peer.reply(3)).length, 3)
})

t.test('a chunk sent again is handled once, on whatever connection', async t => {
  const receiver = await Receiver.start(t)
  const first = gate()
  receiver.onChunk = () => first.wait
  const message = ['raw', plainEntries('once'), { chunk: 'same' }]
  const a = await receiver.peer()
  const b = await receiver.peer()
  a.send(message)
  await receiver.counters.reaches('forward_chunks_total', 1)
  b.send(message, null)
  await receiver.counters.reaches('forward_heartbeats_total', 1)
  a.socket.destroy()
  first.open()
  t.strictSame(await b.reply(1), [{ ack: 'same' }], 'while the first is being handled')
  const c = await receiver.peer()
  c.send(message, ['other', plainEntries('another tag'), { chunk: 'same' }])
  t.strictSame(await c.reply(2), [{ ack: 'same' }, { ack: 'same' }], 'and after')
  t.strictSame(receiver.records, [{ message: 'once' }, { message: 'another tag' }])
  t.equal(receiver.counters.of('forward_chunks_repeated_total'), 2)
})

t.test('a chunk that was not accepted is not acknowledged and is handled again', async t => {
  const receiver = await Receiver.start(t)
  let failures = 1
  receiver.onChunk = async chunk => {
    if (chunk.chunkId === 'bad' && failures-- > 0) throw new Error('the output is full')
  }
  const message = (id: string) => ['raw', plainEntries(id), { chunk: id }]
  const other = await receiver.peer()
  const peer = await receiver.peer()
  peer.send(message('good'), message('bad'), message('also good'))
  await peer.closed
  t.strictSame(
    peer.replies,
    [{ ack: 'good' }, { ack: 'also good' }],
    'the others are, then the connection ends',
  )
  const again = await receiver.peer()
  again.send(message('bad'))
  t.strictSame(await again.reply(1), [{ ack: 'bad' }])
  other.send(message('elsewhere'))
  t.strictSame(await other.reply(1), [{ ack: 'elsewhere' }])
  t.equal(receiver.counters.of('forward_handler_failures_total'), 1)
  t.match(receiver.warnings, [/the output is full/])
})

t.test('our own output coming back is acknowledged and dropped', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  for (const id of ['1', '2']) peer.send(['scored.raw', plainEntries('loop'), { chunk: id }])
  peer.send(['scoredless', plainEntries('fine'), { chunk: '3' }])
  t.strictSame(await peer.reply(3), [{ ack: '1' }, { ack: '2' }, { ack: '3' }])
  t.strictSame(receiver.records, [{ message: 'fine' }])
  t.equal(receiver.counters.of('forward_refused_loop_total'), 2)
  t.equal(receiver.warnings.length, 1, 'said once')
})

t.test('reading stops while too much is in flight, and goes on after', async t => {
  const receiver = await Receiver.start(t, { maxInFlightBytes: 100_000 })
  const full = gate()
  receiver.onChunk = () => full.wait
  const peer = await receiver.peer()
  const total = 400
  for (let i = 0; i < total; i++) peer.send(['raw', plainEntries('x'.repeat(10_000)), { chunk: `${i}` }])
  await receiver.counters.reaches('forward_chunks_total', 9)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(receiver.seen.length < 40, `${receiver.seen.length} chunks were read`)
  t.ok(receiver.server.inFlightBytes < 400_000)
  full.open()
  t.equal((await peer.reply(total)).length, total)
  t.equal(receiver.server.inFlightBytes, 0)
})

t.test('one connection at its limit does not hold up another; the common limit holds all', async t => {
  const receiver = await Receiver.start(t, { maxInFlightBytes: 20_000, maxTotalInFlightBytes: 50_000 })
  const held = gate()
  receiver.onChunk = chunk => (chunk.tag === 'slow' ? held.wait : Promise.resolve())
  const large = 'x'.repeat(30_000)
  const slow = await receiver.peer()
  slow.send(['slow', plainEntries(large), { chunk: 's' }])
  await receiver.counters.reaches('forward_chunks_total', 1)
  const quick = await receiver.peer()
  quick.send(['quick', plainEntries('a'), { chunk: 'q' }])
  t.strictSame(await quick.reply(1), [{ ack: 'q' }])
  const second = await receiver.peer()
  second.send(['slow', plainEntries(large), { chunk: 's2' }])
  await receiver.counters.reaches('forward_chunks_total', 3)
  quick.send(['quick', plainEntries('b'), { chunk: 'q2' }])
  t.equal((await quick.reply(2)).length, 2, 'what was being read already is handled')
  quick.send(['quick', plainEntries('c'), { chunk: 'q3' }])
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(receiver.seen.length, 4, 'then all wait')
  held.open()
  t.equal((await quick.reply(3)).length, 3)
})

t.test('pause and resume', async t => {
  const receiver = await Receiver.start(t)
  const peer = await receiver.peer()
  receiver.server.pause()
  peer.send(['raw', plainEntries('later'), { chunk: '1' }])
  const late = await receiver.peer()
  late.send(['raw', plainEntries('from one who came later'), { chunk: '2' }])
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(receiver.seen.length, 0)
  receiver.server.resume()
  t.strictSame(await peer.reply(1), [{ ack: '1' }])
  t.strictSame(await late.reply(1), [{ ack: '2' }])
})

t.test('close waits for chunks in flight and their acks', async t => {
  const receiver = await Receiver.start(t)
  const done = gate()
  receiver.onChunk = () => done.wait
  const peer = await receiver.peer()
  const idle = await receiver.peer()
  peer.send(['raw', plainEntries('last'), { chunk: 'last' }])
  await receiver.counters.reaches('forward_chunks_total', 1)
  const closing = receiver.server.close()
  peer.send(['raw', plainEntries('too late'), { chunk: 'late' }])
  await idle.closed
  done.open()
  await closing
  await peer.closed
  t.strictSame(peer.replies, [{ ack: 'last' }])
  t.equal(receiver.seen.length, 1)
  await t.rejects(receiver.peer(), { code: 'ECONNREFUSED' })
  await receiver.server.close()
})

t.test('close cuts off what takes too long', async t => {
  const receiver = await Receiver.start(t, { closeTimeoutMs: 20 })
  receiver.onChunk = () => new Promise(() => {})
  const peer = await receiver.peer()
  peer.send(['raw', plainEntries('stuck'), { chunk: '1' }])
  await receiver.counters.reaches('forward_chunks_total', 1)
  await receiver.server.close()
  await peer.closed
  t.equal(receiver.counters.of('forward_closed_unfinished_total'), 1)
})

t.test('a client that closes its side first still has its acks', async t => {
  const receiver = await Receiver.start(t)
  const done = gate()
  receiver.onChunk = () => done.wait
  const peer = await receiver.peer()
  peer.send(['raw', plainEntries('x'), { chunk: '1' }])
  peer.socket.end()
  await receiver.counters.reaches('forward_chunks_total', 1)
  done.open()
  t.strictSame(await peer.reply(1), [{ ack: '1' }])
  await peer.closed
})

t.test('a Unix socket', async t => {
  const path = join(tmpdir(), `logneo-forward-${process.pid}.sock`)
  await rm(path, { force: true })
  const receiver = await Receiver.start(t, { path })
  t.strictSame(receiver.address, { address: path, family: 'unix', port: 0 })
  const peer = await receiver.peer()
  peer.send(['raw', plainEntries('local'), { chunk: '1' }])
  t.strictSame(await peer.reply(1), [{ ack: '1' }])
})

t.test('too many connections are closed; a place that is free again is given', async t => {
  const receiver = await Receiver.start(t, { maxConnections: 1 })
  const first = await receiver.peer()
  first.send(encode(null))
  await receiver.counters.reaches('forward_heartbeats_total', 1)
  const second = await receiver.peer()
  await second.closed
  t.equal(receiver.counters.of('forward_connections_refused_total'), 1)
  first.socket.end()
  await first.closed
  const third = await receiver.peer()
  third.send(['raw', plainEntries('x'), { chunk: '1' }])
  t.strictSame(await third.reply(1), [{ ack: '1' }])
})

t.test('timeouts: an incomplete frame, and nothing at all', async t => {
  let now = 0
  const receiver = await Receiver.start(t, {
    now: () => now,
    lingerMs: 10,
    partialTimeoutMs: 60_000,
    idleTimeoutMs: 600_000,
  })
  const slow = await receiver.peer()
  slow.send(encode(null), encode(['raw', plainEntries('x')]).subarray(0, -1))
  const idle = await receiver.peer()
  idle.send(encode(null))
  await receiver.counters.reaches('forward_heartbeats_total', 2)
  now = 60_001
  await slow.closed
  t.equal(receiver.counters.of('forward_partial_timeouts_total'), 1)
  t.equal(receiver.counters.of('forward_idle_timeouts_total'), 0)
  now = 600_001
  await idle.closed
  t.equal(receiver.counters.of('forward_idle_timeouts_total'), 1)
})

t.test('a handshake comes before the chunks', async t => {
  const begin = (): HandshakeExchange => ({
    greeting: encode(['HELO', {}]),
    receive: frame => {
      const isRight = frame.equals(encode(['PING', 'secret']))
      return { state: isRight ? 'accepted' : 'refused', reply: encode(['PONG', isRight]) }
    },
  })
  const receiver = await Receiver.start(t, { handshake: { begin } })
  const good = await receiver.peer()
  good.send(['PING', 'secret'], ['raw', plainEntries('x'), { chunk: '1' }])
  t.strictSame(await good.reply(3), [['HELO', {}], ['PONG', true], { ack: '1' }])
  const bad = await receiver.peer()
  bad.send(['PING', 'guess'], ['raw', plainEntries('x'), { chunk: '2' }])
  await bad.closed
  t.strictSame(bad.replies, [
    ['HELO', {}],
    ['PONG', false],
  ])
  t.equal(receiver.seen.length, 1)
  t.equal(receiver.counters.of('forward_handshakes_refused_total'), 1)
})

t.test('wrong options are all named', async t => {
  const none = async () => {}
  const wrong = { port: 70_000, maxFrameBytes: 0, prot: 1, path: '/x', ownTagPrefix: 3 } as unknown as object
  t.throws(() => new ForwardServer(wrong, none), ConfigError)
  t.throws(() => new ForwardServer(wrong, none), {
    message:
      /port must be an integer from 0 to 65535, got 70000\n.*maxFrameBytes.*got 0\n.*prot is unknown.*\n.*ownTagPrefix must be a text, got 3\n.*path cannot be set together/s,
  })
  t.doesNotThrow(() => new ForwardServer({ port: undefined } as unknown as object, none))
})

t.test('an address that is taken is said at once', async t => {
  const receiver = await Receiver.start(t)
  const second = new ForwardServer({ port: receiver.address.port }, async () => {})
  await t.rejects(second.listen(), { code: 'EADDRINUSE' })
  const peer = await RawPeer.to(receiver.address)
  peer.socket.end()
  await once(peer.socket, 'close')
})
