import assert from 'node:assert/strict'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readBundleId } from '../../scorer/bundle.js'
import { encodeFrame } from '../../sidecar/frames.js'
import { SidecarServer } from '../../sidecar/server.js'
import { otherSmallModel, smallModel } from '../fixtures/plugin/small-model.js'
import { freeAddress, RawClient, startSidecar } from '../fixtures/sidecar.js'

const TOKEN = 'a token that is long enough'
const ONE = { op: 'score', prefixes: [[1]], observed: [4], top: 2 } as const

t.test('hello, score and stats', async t => {
  const { address } = await startSidecar(t, { model: await smallModel(), version: 'test 1' })
  const client = await RawClient.connect(t, address)
  const hello = await client.ask({ id: 7, op: 'hello', protocol: 1, client: 'test' })
  t.match(hello, {
    id: 7,
    protocol: 1,
    server: 'test 1',
    bundle: /^\w{12}$/,
    maxEvents: 5000,
    contextLength: 128,
  })
  const scored = await client.ask({ id: 8, op: 'score', prefixes: [[1], [1, 4]], observed: [4, 2], top: 3 })
  t.match(scored, { id: 8, bundle: hello!.bundle })
  const { surprise, rank, rarity, expected, probability } = scored as {
    surprise: number[]
    rank: number[]
    rarity: number[]
    expected: number[][]
    probability: number[][]
  }
  t.ok(surprise.length === 2 && surprise.every(one => one >= 0))
  t.same([rank.length, rarity.length, expected.map(one => one.length)], [2, 2, [3, 3]])
  t.ok(Math.abs(probability[0]![0]! - Math.exp(-surprise[0]!)) < 1e-6, 'sessions begin with that key')
  t.equal(expected[0]![0], 4)
  t.equal(rank[0], 0)
  t.same(await client.ask({ id: 9, op: 'score', prefixes: [], observed: [] }), {
    id: 9,
    bundle: hello!.bundle,
    surprise: [],
    rank: [],
    rarity: [],
    expected: [],
    probability: [],
  })
  t.match(await client.ask({ id: 10, op: 'stats' }), {
    id: 10,
    bundle: hello!.bundle,
    requests: 4,
    events: 2,
    errors: 0,
    connections: 1,
    pendingEvents: 0,
  })
})

t.test('requests pipeline: each reply carries its id, errors among them', async t => {
  const { address } = await startSidecar(t, { model: await smallModel(), batchWaitMs: 0 })
  const client = await RawClient.connect(t, address)
  const ids = Array.from({ length: 40 }, (_, i) => 1000 - i)
  client.send(
    ...ids.map(id =>
      id % 10 === 0 ? { id, op: 'score', prefixes: [[99_999]], observed: [1] } : { id, ...ONE },
    ),
  )
  const replies = await client.take(ids.length)
  t.same(new Set(replies.map(reply => reply!.id)), new Set(ids))
  for (const reply of replies) t.equal('error' in reply!, (reply!.id as number) % 10 === 0)
  const one = replies.find(reply => reply!.id === 999)
  for (const reply of replies) if (!('error' in reply!)) t.same({ ...reply, id: 0 }, { ...one, id: 0 })
})

t.test('what a request that waits does not hold up: later ids may be answered first', async t => {
  const { address } = await startSidecar(t, { model: await smallModel(), batchWaitMs: 200 })
  const client = await RawClient.connect(t, address)
  // With one connection alone nothing would wait.
  await RawClient.connect(t, address)
  client.send({ id: 1, ...ONE }, { id: 2, op: 'stats' })
  t.equal((await client.next())!.id, 2)
  t.equal((await client.next())!.id, 1)
})

t.test('events of several clients are computed together', async t => {
  const sizes: number[] = []
  const options = { model: await smallModel(), batchWaitMs: 1000, maxBatchEvents: 6 }
  const { address } = await startSidecar(t, options, { onBatch: size => sizes.push(size) })
  const clients = await Promise.all([RawClient.connect(t, address), RawClient.connect(t, address)])
  const three = { op: 'score', prefixes: [[1], [1, 4], [1, 4, 5]], observed: [4, 5, 6] }
  const replies = await Promise.all(clients.map(client => client.ask({ id: 1, ...three })))
  t.same(sizes, [6], 'one batch of both, and it began as soon as it was full')
  t.same(replies[0], replies[1])
  await Promise.all(clients.map(client => client.ask({ id: 2, ...ONE })))
  t.same(sizes, [6, 2], 'one that is not full begins when its first event has waited long enough')
  await clients[0]!.ask({ id: 3, op: 'score', prefixes: Array(20).fill([1]), observed: Array(20).fill(4) })
  t.same(sizes.slice(2), [6, 6, 6, 2], 'a large request is divided')
})

t.test(
  'bytes that are no message get an error and a closed connection; others are not disturbed',
  async t => {
    const { server, address } = await startSidecar(t, { model: await smallModel(), maxFrameBytes: 1024 })
    const other = await RawClient.connect(t, address)
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0, 0, 0, 2, 0xd4, 0x72]),
      Buffer.from([0, 0, 4, 1]),
    ]) {
      const client = await RawClient.connect(t, address)
      client.socket.write(bytes)
      t.match(await client.next(), { id: null, error: { code: 'bad_frame', retriable: false } })
      t.equal(await client.next(), undefined)
    }
    t.match(await other.ask({ id: 1, op: 'nonsense' }), { id: 1, error: { code: 'unknown_op' } })
    t.match(await other.ask({ id: 2, ...ONE }), { id: 2, rank: [0] })
    t.equal(server.counts.errors, 4)
  },
)

t.test('whatever strangers send, the next client is answered', async t => {
  const { address } = await startSidecar(t, { model: await smallModel(), maxFrameBytes: 4096 })
  const frame = fc
    .tuple(fc.anything({ maxDepth: 3 }), fc.constantFrom('hello', 'score', 'stats', 'x'))
    .map(([rest, op]) => encodeFrame({ ...Object(rest), op }))
  const damaged = fc.tuple(frame, fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
    const copy = Buffer.from(bytes)
    copy[at % copy.length] = value
    return copy
  })
  const garbage = fc.uint8Array({ maxLength: 64 }).map(bytes => Buffer.from(bytes))
  const stream = fc.array(fc.oneof(frame, damaged, garbage), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(stream, async pieces => {
      const stranger = await RawClient.connect(t, address)
      stranger.socket.end(Buffer.concat(pieces))
      while ((await stranger.next()) !== undefined);
      const client = await RawClient.connect(t, address)
      assert.equal((await client.ask({ id: 1, ...ONE }))!.id, 1)
      client.socket.destroy()
    }),
    { seed: 5, numRuns: 150 },
  )
  t.pass()
})

t.test('one byte at a time', async t => {
  const { address } = await startSidecar(t, { model: await smallModel() })
  const client = await RawClient.connect(t, address)
  for (const byte of encodeFrame({ id: 5, ...ONE })) {
    client.socket.write(Buffer.from([byte]))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.match(await client.next(), { id: 5, rank: [0] })
})

t.test('a frame that does not go on is not waited for', async t => {
  const { address } = await startSidecar(t, { model: await smallModel(), frameTimeoutMs: 50 })
  const client = await RawClient.connect(t, address)
  client.socket.write(Buffer.from([0, 0]))
  t.equal(await client.next(), undefined)
  const idle = await RawClient.connect(t, address)
  await new Promise(resolve => setTimeout(resolve, 100))
  t.match(await idle.ask({ id: 1, op: 'stats' }), { id: 1 }, 'a client with nothing to say may stay')
})

t.test('limits: connections, events of a request, events that wait', async t => {
  const limits = { maxConnections: 2, maxRequestEvents: 3, maxPendingEvents: 4, batchWaitMs: 100 }
  const { address } = await startSidecar(t, { model: await smallModel(), ...limits })
  const client = await RawClient.connect(t, address)
  await RawClient.connect(t, address)
  const third = await RawClient.connect(t, address)
  t.equal(await third.next(), undefined)
  const score = (id: number, size: number) => ({
    id,
    op: 'score',
    prefixes: Array(size).fill([1]),
    observed: Array(size).fill(4),
  })
  t.match(await client.ask(score(1, 4)), {
    id: 1,
    error: { code: 'bad_request', message: /3 events, not 4/ },
  })
  client.send(score(2, 3), score(3, 3))
  t.match(await client.next(), { id: 3, error: { code: 'overloaded', retriable: true } })
  t.match(await client.next(), { id: 2, rank: [0, 0, 0] })
})

t.test('a client that has too much under way is not read until some is answered', async t => {
  const { server, address } = await startSidecar(t, {
    model: await smallModel(),
    maxInFlight: 2,
    batchWaitMs: 300,
  })
  const client = await RawClient.connect(t, address)
  // With one connection alone nothing would wait.
  await RawClient.connect(t, address)
  client.send({ id: 1, ...ONE }, { id: 2, ...ONE })
  while (server.counts.requests < 2) await new Promise(resolve => setImmediate(resolve))
  client.send({ id: 3, ...ONE })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(server.counts.requests, 2)
  t.same(
    (await client.take(3)).map(reply => reply!.id),
    [1, 2, 3],
  )
})

t.test('a token must be said first, and right', async t => {
  const options = { model: await smallModel(), token: TOKEN, frameTimeoutMs: 500 }
  const { server, address } = await startSidecar(t, options)
  const wrong: readonly object[] = [
    { id: 1, ...ONE },
    { id: 1, op: 'stats' },
    { id: 1, op: 'hello', protocol: 1 },
    { id: 1, op: 'hello', protocol: 1, token: `${TOKEN}!` },
  ]
  for (const message of wrong) {
    const client = await RawClient.connect(t, address)
    client.send(message, { id: 2, op: 'hello', protocol: 1, token: TOKEN }, { id: 3, ...ONE })
    t.match(await client.next(), { id: 1, error: { code: 'unauthorized' } })
    t.equal(await client.next(), undefined, 'there is no second try')
  }
  t.equal(server.counts.requests, wrong.length, 'what came behind was not even read')
  const silent = await RawClient.connect(t, address)
  t.equal(await silent.next(), undefined)
  const right = await RawClient.connect(t, address)
  t.match(await right.ask({ id: 1, op: 'hello', protocol: 1, token: TOKEN }), { id: 1, protocol: 1 })
  t.match(await right.ask({ id: 2, ...ONE }), { id: 2, rank: [0] })
})

t.test('another version of the protocol is refused', async t => {
  const { address } = await startSidecar(t, { model: await smallModel() })
  const client = await RawClient.connect(t, address)
  t.match(await client.ask({ id: 1, op: 'hello', protocol: 2 }), {
    error: { code: 'wrong_protocol', message: /update/ },
  })
})

t.test('a hello for the bundle that lies on disk loads it; for any other the model stays', async t => {
  const model = join(t.testdir(), 'model')
  await cp(await smallModel(), model, { recursive: true })
  let nowMs = 0
  const { server, address } = await startSidecar(t, { model, now: () => nowMs })
  const before = server.bundle
  const client = await RawClient.connect(t, address)
  const other = await RawClient.connect(t, address)
  t.match(await client.ask({ id: 1, op: 'hello', protocol: 1, bundle: 'none' }), { bundle: before })
  await cp(await otherSmallModel(), model, { recursive: true, force: true })
  const bundle = await readBundleId(model)
  t.match(
    await client.ask({ id: 2, op: 'hello', protocol: 1, bundle }),
    { bundle: before },
    'the disk was just looked at',
  )
  nowMs += 1000
  client.send({ id: 3, op: 'hello', protocol: 1, bundle })
  t.same(
    [await client.next(), await other.next()],
    [
      { op: 'bundle', bundle },
      { op: 'bundle', bundle },
    ],
  )
  t.match(await client.next(), { id: 3, bundle })
  t.equal(server.counts.reloads, 1)
  await writeFile(join(model, 'manifest.json'), '{}')
  await t.rejects(server.reload(), { code: 'ERR_SCORER_BUNDLE' })
  t.match(await client.ask({ id: 4, bundle, ...ONE }), { id: 4, bundle }, 'the one before stays')
})

t.test('while a model is read again no request fails', async t => {
  const { server, address } = await startSidecar(t, { model: await smallModel(), batchWaitMs: 0 })
  const client = await RawClient.connect(t, address)
  const reloading = server.reload()
  let isDone = false
  void reloading.then(() => {
    isDone = true
  })
  let numAnswered = 0
  while (!isDone) {
    client.send(...Array.from({ length: 5 }, (_, i) => ({ id: i, ...ONE })))
    for (let i = 0; i < 5; i++) {
      const reply = await client.next()
      if (reply!.op !== undefined) i--
      else if ('surprise' in reply!) numAnswered++
      else t.fail(JSON.stringify(reply))
    }
  }
  t.ok(numAnswered >= 5)
})

t.test('a stop answers what was taken, then closes', async t => {
  const { server, address } = await startSidecar(t, { model: await smallModel(), batchWaitMs: 50 })
  const client = await RawClient.connect(t, address)
  // With one connection alone nothing would wait.
  await RawClient.connect(t, address)
  await client.ask({ id: 0, op: 'stats' })
  client.send({ id: 1, ...ONE })
  while (server.counts.requests < 2) await new Promise(resolve => setImmediate(resolve))
  const stopped = server.stop()
  t.match(await client.next(), { id: 1, rank: [0] })
  t.equal(await client.next(), undefined)
  await stopped
  t.equal(server.isReady, false)
})

t.test('a client that says all at once and half closes gets its replies', async t => {
  const { address } = await startSidecar(t, { model: await smallModel() })
  const client = await RawClient.connect(t, address)
  client.send({ id: 1, ...ONE }, { id: 2, ...ONE })
  client.socket.end()
  t.same([(await client.next())!.id, (await client.next())!.id], [1, 2])
})

t.test('addresses: TCP, a socket left behind, one that is in use, a file that is none', async t => {
  const model = await smallModel()
  const { address: tcp } = await startSidecar(t, { model, listen: 'tcp:127.0.0.1:0' })
  t.match(tcp, /^tcp:127\.0\.0\.1:[1-9]\d*$/)
  const client = await RawClient.connect(t, tcp)
  t.match(await client.ask({ id: 1, ...ONE }), { id: 1, rank: [0] })
  const listen = await freeAddress(t)
  await startSidecar(t, { model, listen })
  await t.rejects(new SidecarServer({ model, listen }).start(), {
    code: 'ERR_SIDECAR_LISTEN',
    message: /another process listens/,
  })
  const file = await freeAddress(t)
  await writeFile(file.slice(5), 'something')
  await t.rejects(new SidecarServer({ model, listen: file }).start(), { message: /no socket/ })
  await t.rejects(new SidecarServer({ model, listen: tcp }).start(), {
    code: 'ERR_SIDECAR_LISTEN',
    message: /EADDRINUSE/,
  })
})

t.test('wrong options are told all at once', async t => {
  const options = { model: '', listen: 'here', token: 'short', maxInFlight: 0, batchWaitMs: -1, colour: 1 }
  t.throws(() => new SidecarServer(options), {
    code: 'ERR_SIDECAR_OPTIONS',
    problems: [
      /^sidecar\.colour is unknown: use one of model, listen/,
      'sidecar.batchWaitMs must be an integer from 0 to 1000, got -1',
      'sidecar.maxInFlight must be an integer from 1 to 10000, got 0',
      'sidecar.token must be a text of at least 16 characters',
      'sidecar.model must be the directory of a model bundle',
      /^sidecar\.listen must be unix:PATH.* or tcp:HOST:PORT, got here$/,
    ],
  })
})
