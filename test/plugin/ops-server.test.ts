import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { ConfigError } from '../../plugin/errors.js'
import { OpsServer, type OpsServerOptions } from '../../plugin/ops-server.js'

async function start(t: Test, options: OpsServerOptions): Promise<{ url: string; address: AddressInfo }> {
  const server = new OpsServer({ port: 0, ...options })
  const address = await server.listen()
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${address.port}`, address }
}

/** What a connection is answered after writing `bytes`, until it is closed. */
async function raw({ port }: AddressInfo, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', data => {
    answer += data.toString()
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return answer
}

t.test('health, readiness and metrics', async t => {
  let isReady = false
  const { url } = await start(t, {
    checks: { model: () => true, outputs: async () => isReady },
    metrics: async () => 'logneo_events_total 1\n',
  })
  const health = await fetch(`${url}/healthz?verbose`)
  t.strictSame([health.status, await health.text()], [200, 'ok\n'])
  const unready = await fetch(`${url}/readyz`)
  t.strictSame(
    [unready.status, await unready.json()],
    [503, { ready: false, checks: { model: true, outputs: false } }],
  )
  isReady = true
  const ready = await fetch(`${url}/readyz`)
  t.strictSame(
    [ready.status, await ready.json()],
    [200, { ready: true, checks: { model: true, outputs: true } }],
  )
  const metrics = await fetch(`${url}/metrics`)
  t.strictSame([metrics.status, await metrics.text()], [200, 'logneo_events_total 1\n'])
  t.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
})

t.test('HEAD has no body, other methods and paths are refused', async t => {
  const { url } = await start(t, {})
  const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
  t.strictSame([head.status, head.headers.get('content-length'), await head.text()], [200, '3', ''])
  const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x'.repeat(1e6) })
  t.strictSame([post.status, post.headers.get('allow')], [405, 'GET, HEAD'])
  for (const path of ['/', '/healthz/', '/metrics', '/constructor', '/%2e%2e/etc/passwd'])
    t.equal((await fetch(url + path)).status, 404, path)
})

t.test('what fails inside shows no reason outside, and the server goes on', async t => {
  const warnings: string[] = []
  const fail = () => {
    throw new Error('secret reason')
  }
  const { url } = await start(t, {
    checks: { model: fail, never: () => new Promise(() => {}) },
    metrics: fail,
    requestTimeoutMs: 200,
    warn: message => warnings.push(message),
  })
  const metrics = await fetch(`${url}/metrics`)
  t.strictSame([metrics.status, await metrics.text()], [500, 'failed; the log says why\n'])
  t.strictSame(warnings, ['/metrics failed: secret reason'])
  const ready = await fetch(`${url}/readyz`)
  t.strictSame(
    [ready.status, await ready.json()],
    [503, { ready: false, checks: { model: false, never: false } }],
  )
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('hostile clients: no HTTP, endless headers, headers that never end', async t => {
  const { url, address } = await start(t, { requestTimeoutMs: 100 })
  t.match(await raw(address, '\x00\x01\x02 nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await raw(address, `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 400 /)
  t.match(await raw(address, 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: '), /^HTTP\/1\.1 400 /)
  t.match(
    await raw(address, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc'),
    /^HTTP\/1\.1 405 /,
  )
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('connections are bounded', async t => {
  const { address } = await start(t, { maxConnections: 1 })
  const first = connect(address.port, '127.0.0.1')
  await once(first, 'connect')
  first.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(first, 'data')
  t.equal(await raw(address, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'), '')
  first.destroy()
})

t.test('close ends open connections; a port in use is an error; close without listen is nothing', async t => {
  const server = new OpsServer({ port: 0 })
  await server.close()
  const { port } = await server.listen()
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  await t.rejects(new OpsServer({ port }).listen(), { code: 'EADDRINUSE' })
  const closed = once(socket, 'close')
  await server.close()
  await closed
})

t.test('wrong options are listed together', async t => {
  t.throws(
    () => new OpsServer({ port: -1, maxConnections: 0 }),
    new ConfigError([
      'ops.port must be an integer from 0 to 65535, got -1',
      'ops.maxConnections must be an integer >= 1, got 0',
    ]),
  )
})
