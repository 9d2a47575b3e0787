import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { fluentBitEntries, gate, packed, plainEntries, Receiver } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'

let chunks = 0

/** The same server still takes a good chunk, on a connection made before the trouble and on a new one. */
async function startChecked(
  t: Parameters<typeof Receiver.start>[0],
  options?: Parameters<typeof Receiver.start>[1],
) {
  const receiver = await Receiver.start(t, options)
  const before = await receiver.peer()
  const isUnharmed = async (): Promise<void> => {
    for (const peer of [before, await receiver.peer()]) {
      const id = `good ${chunks++}`
      const replies = peer.replies.length
      peer.send(['good', fluentBitEntries(id), { chunk: id }])
      t.strictSame((await peer.reply(replies + 1)).at(-1), { ack: id })
      t.strictSame(receiver.records.at(-1), { message: id })
      if (peer !== before) peer.socket.destroy()
    }
  }
  await isUnharmed()
  return { receiver, isUnharmed }
}

t.test('frames that are no messages are put aside and the connection goes on', async t => {
  const { receiver, isUnharmed } = await startChecked(t)
  const peer = await receiver.peer()
  const bad: unknown[] = [
    [],
    ['tag only'],
    ['raw', 1],
    ['raw', null, {}],
    ['raw', 1, 'not a record', {}],
    [1, [], {}],
    [{ tag: 'map' }, packed(plainEntries('x'))],
    ['t'.repeat(5000), packed(plainEntries('x'))],
    ['raw', 'x', {}, {}, {}],
    ['PING', 'host', 'salt', 'digest', '', ''],
    ['raw', Buffer.from([0xc1]), { size: 1 }],
    ['raw', packed(plainEntries('x')), { fluent_signal: 1 }],
  ]
  peer.send(...bad, ['raw', plainEntries('fine'), { chunk: 'fine' }])
  t.strictSame(await peer.reply(1), [{ ack: 'fine' }])
  t.equal(receiver.counters.of('forward_undecodable_total'), bad.length)
  t.strictSame(
    receiver.letters.letters.map(letter => letter.bytes.toString('hex')),
    bad.map(message => encode(message).toString('hex')).with(-2, 'c1'),
  )
  t.ok(
    receiver.letters.letters.every(letter => letter.reason.length > 10 && /^forward 127/.test(letter.source)),
  )
  t.equal(receiver.warnings.length, 1)
  await isUnharmed()
})

t.test('a poison chunk is put aside and acknowledged, so that it is not sent for ever', async t => {
  const { receiver, isUnharmed } = await startChecked(t, { maxChunkEntries: 1000, maxChunkBytes: 1 << 20 })
  const peer = await receiver.peer()
  const gzip = gzipSync(packed(plainEntries('x'.repeat(1000))))
  const damaged = Buffer.from(gzip)
  damaged[20]! ^= 0xff
  const poison: [string, unknown, object][] = [
    ['damaged gzip', damaged, { compressed: 'gzip' }],
    ['cut gzip', gzip.subarray(0, -9), { compressed: 'gzip' }],
    ['empty gzip', Buffer.alloc(0), { compressed: 'gzip' }],
    ['no gzip', packed(plainEntries('x')), { compressed: 'gzip' }],
    ['cut zstd', Buffer.from('28b52ffd', 'hex'), { compressed: 'zstd' }],
    ['lz4', Buffer.from('04224d18', 'hex'), { compressed: 'lz4' }],
    ['bomb', gzipSync(Buffer.alloc(50 << 20)), { compressed: 'gzip' }],
    ['many entries', Buffer.alloc(3000, Buffer.from([0x92, 0x01, 0x80])).subarray(0, 3000), {}],
    ['many entries', Buffer.alloc(9000, Buffer.from([0x92, 0x01, 0x80])), {}],
    ['traces', packed(plainEntries('x')), { fluent_signal: 2 }],
  ]
  for (const [chunk, body, options] of poison) peer.send(['raw', body, { chunk, ...options }])
  const acks = await peer.reply(poison.length)
  t.strictSame(
    acks.map(reply => (reply as { ack: string }).ack).sort(),
    poison.map(([chunk]) => chunk).sort(),
  )
  t.equal(
    receiver.counters.of('forward_undecodable_total'),
    poison.length - 1,
    '1,000 entries are not too many',
  )
  t.match(
    receiver.letters.letters.map(letter => letter.reason).join(),
    /damaged.*damaged.*damaged.*damaged.*gzip.*unpacks to over 1048576 bytes.*over 1000 entries.*traces/,
  )
  t.equal(receiver.server.inFlightBytes, 0)
  await isUnharmed()
})

t.test('the good entries before a broken rest are handled, the rest is put aside', async t => {
  const { receiver, isUnharmed } = await startChecked(t)
  const peer = await receiver.peer()
  const deep = Buffer.alloc(100, 0x91)
  const rests = [Buffer.from([0xc1, 1, 2]), packed(plainEntries('cut')).subarray(0, -1), deep]
  for (const [i, rest] of rests.entries()) {
    const body = Buffer.concat([packed(plainEntries('good')), rest])
    peer.send([
      'raw',
      i === 1 ? gzipSync(body) : body,
      { chunk: `${i}`, ...(i === 1 ? { compressed: 'gzip' } : {}) },
    ])
    await peer.reply(i + 1)
    t.strictSame(receiver.records.at(-1), { message: 'good' })
    t.strictSame(receiver.letters.letters.at(-1)?.bytes, rest)
  }
  await isUnharmed()
})

t.test(
  'a stream that is no msgpack ends its connection, after the chunks before it had their acks',
  async t => {
    const { receiver, isUnharmed } = await startChecked(t, { maxFrameBytes: 1 << 20 })
    const chunk = encode(['raw', plainEntries('before'), { chunk: 'before' }])
    const streams: Record<string, Buffer> = {
      invalid: Buffer.from([0x93, 0xc1]),
      too_deep: Buffer.alloc(1000, 0x91),
      too_large: Buffer.from('93a161c6ffffffff', 'hex'),
      not_forward: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    }
    for (const [fault, stream] of Object.entries(streams)) {
      const done = gate()
      receiver.onChunk = () => done.wait
      const peer = await receiver.peer()
      peer.send(chunk, stream)
      await receiver.counters.reaches(`forward_broken_streams_${fault}_total`, 1)
      done.open()
      await peer.closed
      t.strictSame(peer.replies, [{ ack: 'before' }], fault)
      receiver.onChunk = async () => {}
      await isUnharmed()
    }
    t.equal(receiver.letters.letters.length, 4)
  },
)

t.test('100 MB frames are refused with little memory', async t => {
  const { receiver, isUnharmed } = await startChecked(t, { maxFrameBytes: 4 << 20 })
  const piece = Buffer.alloc(1 << 20, 0x01)
  const heads = [
    Buffer.from('92a161c606400000', 'hex'), // A bin that says at once how long it is.
    Buffer.from('92a161dd003fffff', 'hex'), // An array that only turns out to be too long, as its items are.
  ]
  for (const head of heads) {
    const peer = await receiver.peer()
    peer.send(head)
    let most = 0
    for (let i = 0; i < 100 && !peer.socket.destroyed; i++) {
      if (!peer.socket.write(head === heads[0] ? piece : longTexts))
        await new Promise(resolve => setImmediate(resolve))
      most = Math.max(most, receiver.server.partialBytes)
    }
    await peer.closed
    t.ok(most <= 9 << 20, `held ${most}`)
    t.equal(receiver.server.partialBytes, 0)
    await isUnharmed()
  }
  t.equal(receiver.counters.of('forward_broken_streams_too_large_total'), 2)
})

const longTexts = Buffer.concat(Array.from({ length: 1000 }, () => encode('x'.repeat(1000))))

t.test('many connections with large incomplete frames: those that hold most have to go', async t => {
  const { receiver, isUnharmed } = await startChecked(t, { maxTotalPartialBytes: 4 << 20 })
  const piece = Buffer.concat([Buffer.from('92a161c603000000', 'hex'), Buffer.alloc(600_000)])
  const peers = await Promise.all(Array.from({ length: 12 }, () => receiver.peer()))
  for (const peer of peers) peer.send(piece)
  await receiver.counters.reaches('forward_partial_memory_closes_total', 6)
  t.ok(receiver.server.partialBytes <= 4 << 20)
  await isUnharmed()
  for (const peer of peers) peer.socket.destroy()
})

t.test('hostile keys stay data on the way through', async t => {
  const { receiver, isUnharmed } = await startChecked(t)
  const peer = await receiver.peer()
  const record = Buffer.concat([
    Buffer.from([0x83]),
    ...['__proto__', 'constructor', 'toString'].flatMap(key => [encode(key), encode({ polluted: true })]),
  ])
  peer.send(Buffer.concat([Buffer.from([0x94]), encode('raw'), encode(1), record, encode({ chunk: 'x' })]))
  t.strictSame(await peer.reply(1), [{ ack: 'x' }])
  t.strictSame(Object.keys(receiver.records.at(-1) as object), ['__proto__', 'constructor', 'toString'])
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  const options = Buffer.concat([
    Buffer.from([0x81]),
    encode('__proto__'),
    encode({ chunk: 'y', compressed: 'gzip' }),
  ])
  peer.send(Buffer.concat([Buffer.from([0x93]), encode('raw'), encode(packed(plainEntries('z'))), options]))
  peer.send(['raw', plainEntries('last'), { chunk: 'last' }])
  t.strictSame(await peer.reply(2), [{ ack: 'x' }, { ack: 'last' }])
  await isUnharmed()
})

t.test('a client that never reads its acks stops being read', async t => {
  const { receiver, isUnharmed } = await startChecked(t)
  const peer = await receiver.peer()
  peer.socket.pause()
  const total = 200_000
  const message = encode(['raw', [], { chunk: 'c'.repeat(200) }])
  peer.send(Buffer.concat(Array.from({ length: total }, () => message)))
  let before = 0
  while (before === 0 || receiver.counters.of('forward_chunks_repeated_total') > before) {
    before = receiver.counters.of('forward_chunks_repeated_total')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.ok(before < total - 1, `${before} of ${total} were read`)
  await isUnharmed()
  peer.socket.destroy()
})

t.test('connections that vanish in the middle of anything', async t => {
  const { receiver, isUnharmed } = await startChecked(t)
  const done = gate()
  receiver.onChunk = chunk => (chunk.tag === 'raw' ? done.wait : Promise.resolve())
  const frame = encode(['raw', packed(fluentBitEntries('a', 'b')), { chunk: 'x' }])
  for (const size of [0, 1, 5, frame.length - 1, frame.length]) {
    const peer = await receiver.peer()
    peer.send(frame.subarray(0, size))
    if (size === frame.length) await receiver.counters.reaches('forward_chunks_total', 3)
    peer.socket.resetAndDestroy()
    await peer.closed
  }
  done.open()
  await isUnharmed()
  while (receiver.server.numConnections > 1) await new Promise(resolve => setImmediate(resolve))
  t.equal(receiver.server.inFlightBytes, 0)
})

t.test(
  'random, mutated and truncated bytes never get beyond their connection',
  { timeout: 60_000 },
  async t => {
    const { receiver, isUnharmed } = await startChecked(t, {
      maxFrameBytes: 1 << 20,
      maxChunkBytes: 1 << 20,
      lingerMs: 50,
    })
    const models = [
      encode(['raw', fluentBitEntries('one', 'two'), { chunk: 'a', size: 2 }]),
      encode(['raw', packed(plainEntries('three', 'four')), { chunk: 'b' }]),
      encode(['raw', gzipSync(packed(plainEntries('five'))), { chunk: 'c', compressed: 'gzip' }]),
      encode([
        'raw',
        1_700_000_000,
        { message: 'six', nested: { list: [1, 2.5, null, true] } },
        { chunk: 'd' },
      ]),
    ]
    const mutated = fc
      .tuple(
        fc.constantFrom(...models),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
      )
      .map(([model, changes]) => {
        const bytes = Buffer.from(model)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        return bytes
      })
    const truncated = fc.tuple(mutated, fc.nat()).map(([bytes, cut]) => bytes.subarray(0, cut % bytes.length))
    const random = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
    const streams = fc.sample(
      fc.array(fc.oneof(mutated, truncated, random), { minLength: 1, maxLength: 4 }),
      {
        seed: 42,
        numRuns: 1500,
      },
    )
    for (let i = 0; i < streams.length; i += 50) {
      const batch = streams.slice(i, i + 50).map(async parts => {
        const peer = await receiver.peer()
        for (const part of parts) peer.send(part)
        peer.socket.end()
        await peer.closed
      })
      await Promise.all(batch)
      if (i % 500 === 0) await isUnharmed()
    }
    await isUnharmed()
    t.equal(receiver.server.inFlightBytes, 0)
    const { counts } = receiver.counters
    t.equal(counts.forward_broken_streams_unexpected_total, undefined)
    t.ok(
      counts.forward_undecodable_total! > 50 && counts.forward_entries_broken_total! > 10,
      'all doors were tried',
    )
  },
)
