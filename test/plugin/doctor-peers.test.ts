import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { certificates } from '../fixtures/certificates.js'
import { Receiver, startServer } from '../fixtures/forward-peer.js'
import { examined } from '../fixtures/plugin/examined.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { freePort } from '../fixtures/services/free-port.js'
import { findPostgres, PostgresServer } from '../fixtures/services/postgres.js'
import { missing } from '../fixtures/services/program.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'
import { SmtpServer } from '../fixtures/services/smtp-server.js'
import { startSidecar } from '../fixtures/sidecar.js'

const USER = { username: 'logneo', password: 'a-password' }

t.test('Forward: the handshake is done, nothing is sent', async t => {
  const { ca, server } = certificates()
  const receiver = await Receiver.start(t, { tls: server, sharedKey: 'a-key', users: [USER] })
  const { port } = receiver.address
  const ask = async (login: object, tls: object = { ca }) =>
    (await examined({ output: { forward: { host: '127.0.0.1', port, tls, ...login } } }))['output.forward']
  t.equal(
    await ask({ shared_key: 'a-key', ...USER }),
    'ok it takes connections by TLS, and the shared key and the user logneo\n',
  )
  t.match(await ask({ shared_key: 'another', ...USER }), /^failed the receiver .*key/)
  t.match(await ask({ shared_key: 'a-key', ...USER, password: 'wrong' }), /^failed the receiver refuses us/)
  t.match(await ask({}), /^failed the receiver asks for a shared key/)
  t.match(await ask({ shared_key: 'a-key', ...USER }, {}), /^failed .*certificate.* -> see that/)
  t.strictSame(receiver.seen, [])
})

t.test('a peer that says nothing fails when its time is up', async t => {
  const { port } = await startServer(t, () => {})
  const startedAt = performance.now()
  const said = await examined(
    {
      output: {
        forward: { host: '127.0.0.1', port, shared_key: 'a-key' },
        elasticsearch: { urls: [`http://127.0.0.1:${port}`] },
      },
      input: { kafka: { brokers: [`127.0.0.1:${port}`], topics: ['a'], group: 'g' } },
      model: { path: '/nowhere', sidecar: { address: `tcp:127.0.0.1:${port}` } },
      store: { kind: 'redis', url: `redis://127.0.0.1:${port}` },
      persist: { postgres: { url: `postgres://a:secret@127.0.0.1:${port}/db` } },
      alerts: { email: { host: '127.0.0.1', port, from: 'a@example.org', to: ['b@example.org'] } },
    },
    700,
  )
  const parts = [
    'output.forward',
    'output.elasticsearch',
    'input.kafka',
    'model.sidecar',
    'store',
    'persist.postgres',
    'alerts.email',
  ]
  for (const part of parts) t.match(said[part], /^failed it took longer than 0.7 s -> /, part)
  t.ok(performance.now() - startedAt < 5000, 'all at the same time')
})

t.test('the sidecar: version, model, token', async t => {
  const model = await smallModel()
  const token = 'a-token-of-sixteen-letters'
  const { address } = await startSidecar(t, { model, token })
  const ask = async (given: string, path = model) =>
    (await examined({ model: { path, sidecar: { address, token: given } } }))['model.sidecar']
  t.match(await ask(token), /^ok logneo\S*( \S+)?, protocol 1, has the model \w{12}\n$/)
  t.match(await ask('another-token-that-is-wrong'), /^failed .*token/)
})

t.test('webhooks are connected to, and never asked for anything', async t => {
  let numBytes = 0
  const { port } = await startServer(t, socket => socket.on('data', data => (numBytes += data.length)))
  const dead = await freePort()
  const said = await examined({
    alerts: {
      slack: { url: `http://127.0.0.1:${port}/services/SECRET` },
      webhook: { url: `http://127.0.0.1:${dead}/SECRET` },
    },
  })
  t.equal(
    said['alerts.slack'],
    'ok it takes connections; whether it takes messages shows with the first one\n',
  )
  t.match(said['alerts.webhook'], /^failed connect ECONNREFUSED/)
  t.notMatch(JSON.stringify(said), 'SECRET')
  t.equal(numBytes, 0)
})

t.test('e-mail: logged in, no mail', async t => {
  const smtp = await SmtpServer.start(t)
  const email = { host: '127.0.0.1', port: smtp.port, from: 'a@example.org', to: ['b@example.org'] }
  t.equal(
    (await examined({ alerts: { email } }))['alerts.email'],
    'ok it takes connections; no mail was sent\n',
  )
  t.strictSame(smtp.mails, [])
  t.equal(smtp.numConnections, 1)
})

t.test('Elasticsearch: credentials, clock, data streams and their template', async t => {
  const answers: Record<string, { status: number; body?: object; date?: string }> = {}
  const asked: string[] = []
  const server = createServer(({ method, url }, response) => {
    asked.push(method!)
    const { status, body = {}, date } = answers[url!] ?? { status: 404 }
    if (date !== undefined) response.setHeader('date', date)
    response.writeHead(status).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const ask = async () =>
    (await examined({ output: { elasticsearch: { urls: [`http://127.0.0.1:${port}`], api_key: 'k' } } }))[
      'output.elasticsearch'
    ]
  answers['/'] = { status: 401 }
  t.equal(await ask(), 'failed it does not know us (HTTP 401) -> check api_key, or username and password\n')
  const version = { version: { number: '8.15.0' }, cluster_name: 'c' }
  answers['/'] = { status: 200, body: version, date: new Date(Date.now() - 60_000).toUTCString() }
  const simulated = '/_index_template/_simulate_index/'
  answers['/_data_stream/logs-logneo-default'] = { status: 200 }
  answers[`${simulated}logs-logneo.session-default`] = { status: 200, body: { template: { mappings: {} } } }
  const said = await ask()
  t.match(said, /^ok elasticsearch 8.15.0, cluster c\nwarning its clock is \d\d\.\d s behind ours -> /)
  t.match(said, /ok data stream logs-logneo-default is there\n/)
  t.match(said, /warning neither the data stream logs-logneo.session-default nor our template .* -> install/)
  answers[`${simulated}logs-logneo.session-default`] = {
    status: 200,
    body: { template: { mappings: { properties: { logneo: {} } } } },
  }
  t.match(await ask(), /ok data stream logs-logneo.session-default comes with its first record/)
  t.strictSame([...new Set(asked)].sort(), ['GET', 'POST'], 'the only POST is a simulation')
})

const postgres = findPostgres()
t.test(
  'PostgreSQL: version, clock, tables; none is made',
  { skip: postgres ? false : missing('postgres', 'LOGNEO_POSTGRES') },
  async t => {
    const server = await PostgresServer.start(t, postgres!)
    const ask = async (url: string) =>
      (await examined({ persist: { postgres: { url } } }))['persist.postgres']
    const said = await ask(server.url)
    t.match(said, /^ok PostgreSQL \d\S+.*, as logneo\nok its clock agrees/)
    t.match(said, /ok its tables are of version 0; the first start makes those of \d+\n$/)
    t.equal(await ask(server.url), said, 'no table was made')
    t.match(await ask(server.url.replace(server.password, 'wrong')), /^failed password authentication failed/)
  },
)

t.test(
  'Redis: version, clock, and what would lose sessions',
  { skip: redisProgram() ? false : REDIS_MISSING },
  async t => {
    const server = await RedisServer.start(['--maxmemory-policy', 'allkeys-lru', '--requirepass', 'right'])
    t.teardown(() => server.stop())
    const ask = async (password: string) =>
      (await examined({ store: { kind: 'redis', url: server.url, password } })).store
    const said = await ask('right')
    t.match(said, /^ok Redis \d\S+, master\n/)
    t.match(said, /warning it evicts by allkeys-lru .* -> set maxmemory-policy noeviction\n/)
    t.match(said, /ok its clock agrees/)
    t.match(await ask('wrong'), /^failed .*(WRONGPASS|NOAUTH|invalid)/)
  },
)
