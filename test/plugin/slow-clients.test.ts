import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HttpInput } from '../../plugin/input/http.js'
import type { HttpInputOptions } from '../../plugin/input/http-options.js'
import { OpsServer } from '../../plugin/ops-server.js'
import { encodeFrame } from '../../sidecar/frames.js'
import { HealthServer } from '../../sidecar/health.js'
import { certificates } from '../fixtures/certificates.js'
import { fluentBitEntries, Receiver, Tally } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { startSidecar } from '../fixtures/sidecar.js'

/** What slow clients are allowed in these tests, and what they take: never an end. */
const LIMIT_MS = 150
const DRIP_MS = 20
const PATIENCE_MS = 5000

async function open(t: Test, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  return socket
}

/** Sends a byte now and then, as long as the other side puts up with it. @returns how long that was */
async function drip(socket: Socket, bytes: Uint8Array): Promise<number> {
  const started = performance.now()
  for (let i = 0; !socket.destroyed && performance.now() - started < PATIENCE_MS; i++) {
    if (i < bytes.length) socket.write(bytes.subarray(i, i + 1))
    await sleep(DRIP_MS)
  }
  return performance.now() - started
}

async function startHttp(t: Test, options: HttpInputOptions): Promise<number> {
  const input = new HttpInput(
    { port: 0, requestTimeoutMs: LIMIT_MS, ...options },
    async () => {},
    '',
    new Tally(),
  )
  await input.start()
  t.teardown(() => input.close())
  return input.address!.port
}

/** Says half a request to the sidecar's port for health. @returns when the connection was closed */
async function startHalfRequest(t: Test): Promise<unknown> {
  const health = new HealthServer({
    host: '127.0.0.1',
    port: 0,
    isReady: () => true,
    metrics: async () => '',
  })
  const address = await health.listen()
  t.teardown(() => health.close())
  const socket = await open(t, Number(address.split(':').at(-1)))
  const gone = once(socket, 'close')
  socket.write('GET /heal')
  return gone
}

// Its limit cannot be set: it runs beside the other tests.
const goneFromHealth = startHalfRequest(t)

const nothing = new Uint8Array(0)
const request = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`)

t.test('Forward: a frame byte by byte', async t => {
  const receiver = await Receiver.start(t, { partialTimeoutMs: LIMIT_MS })
  const frame = encode(['raw', fluentBitEntries('x'.repeat(5000))])
  t.ok((await drip(await open(t, receiver.address.port), frame)) < PATIENCE_MS)
  t.equal(receiver.counters.of('forward_partial_timeouts_total'), 1)
  // What is whole in between gives no more time to what is not.
  const heartbeats = await open(t, receiver.address.port)
  heartbeats.write(Buffer.from([0xc0, 0xc0]))
  t.ok((await drip(heartbeats, frame)) < PATIENCE_MS)
})

t.test('Forward: a handshake byte by byte, and one in pieces that never come', async t => {
  const receiver = await Receiver.start(t, { sharedKey: 'k', handshakeTimeoutMs: LIMIT_MS })
  const ping = encode(['PING', 'h'.repeat(4000), 's', 'd', '', ''])
  t.ok((await drip(await open(t, receiver.address.port), ping)) < PATIENCE_MS)
  t.ok((await drip(await open(t, receiver.address.port), nothing)) < PATIENCE_MS)
  t.equal(receiver.counters.of('forward_handshake_timeouts_total'), 2)
})

t.test('HTTP: silence, headers byte by byte, a body byte by byte', async t => {
  const port = await startHttp(t, {})
  const body = request.indexOf('\r\n\r\n') + 4
  t.ok((await drip(await open(t, port), nothing)) < PATIENCE_MS, 'silence')
  t.ok((await drip(await open(t, port), request)) < PATIENCE_MS, 'headers')
  const sender = await open(t, port)
  sender.write(request.subarray(0, body))
  t.ok((await drip(sender, request.subarray(body))) < PATIENCE_MS, 'body')
})

t.test('HTTPS: who never says hello', async t => {
  const port = await startHttp(t, { tls: certificates().server })
  t.ok((await drip(await open(t, port), nothing)) < PATIENCE_MS)
  t.ok((await drip(await open(t, port), Buffer.from('16030102000100', 'hex'))) < PATIENCE_MS)
})

t.test('the port for health and metrics', async t => {
  const ops = new OpsServer({ port: 0, requestTimeoutMs: LIMIT_MS })
  const { port } = await ops.listen()
  t.teardown(() => ops.close())
  t.ok((await drip(await open(t, port), request)) < PATIENCE_MS)
})

t.test('sidecar: a frame byte by byte, a token that never comes', async t => {
  const model = await smallModel()
  const listen = 'tcp:127.0.0.1:0'
  const { address } = await startSidecar(t, { model, listen, frameTimeoutMs: LIMIT_MS })
  const frame = encodeFrame({ id: 1, op: 'hello', protocol: 1, client: 'x'.repeat(900) })
  t.ok((await drip(await open(t, Number(address.split(':').at(-1))), frame)) < PATIENCE_MS)
  const guarded = await startSidecar(t, { model, listen, frameTimeoutMs: LIMIT_MS, token: 't'.repeat(16) })
  t.ok((await drip(await open(t, Number(guarded.address.split(':').at(-1))), nothing)) < PATIENCE_MS)
})

t.test("the sidecar's port for health", async t => {
  await goneFromHealth
  t.pass('gone after its own limit of some seconds')
})
