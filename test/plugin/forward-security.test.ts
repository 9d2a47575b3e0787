import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FluentClient } from '@fluent-org/logger'
import t, { type Test } from 'tap'
import { ConfigError } from '../../plugin/errors.js'
import { ForwardServer } from '../../plugin/input/forward.js'
import type { ForwardServerOptions } from '../../plugin/input/forward-options.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import type { ForwardOutputOptions } from '../../plugin/output/forward-options.js'
import { certificates } from '../fixtures/certificates.js'
import { packed, plainEntries, Receiver, startServer } from '../fixtures/forward-peer.js'
import { encode } from '../fixtures/forward-values.js'

const KEY = 'a key that two sides share'
const USERS = [
  { username: 'web', password: 'first password' },
  { username: 'db', password: 'second password' },
]
const { ca, server, client, stranger } = certificates()
const SECRETS = [KEY, ...USERS.map(({ password }) => password)]

/** A sender of ours, closed at the end. `failure` resolves with what it complains of. */
function sender(t: Test, receiver: Receiver, options: ForwardOutputOptions) {
  const said: string[] = []
  let complain = (_: string): void => {}
  const failure = new Promise<string>(resolve => {
    complain = resolve
  })
  const output = new ForwardOutput({
    port: receiver.address.port,
    retryMinMs: 20,
    retryMaxMs: 50,
    closeTimeoutMs: 0,
    warn: message => {
      said.push(message)
      complain(message)
    },
    ...options,
  })
  t.teardown(() => output.close())
  return { output, failure, said }
}

const send = (output: ForwardOutput, ...messages: string[]): Promise<void> =>
  output.send('app', packed(plainEntries(...messages)), messages.length)

interface Pairing {
  readonly name: string
  readonly receiver: ForwardServerOptions
  readonly sender: ForwardOutputOptions
}

const pairings: Pairing[] = [
  { name: 'a shared key', receiver: { sharedKey: KEY }, sender: { sharedKey: KEY } },
  {
    name: 'a shared key and a user',
    receiver: { sharedKey: KEY, users: USERS },
    sender: { sharedKey: KEY, ...USERS[1]! },
  },
  {
    name: 'a login that nobody asked for',
    receiver: { sharedKey: KEY },
    sender: { sharedKey: KEY, ...USERS[0]! },
  },
  { name: 'TLS', receiver: { tls: server }, sender: { tls: { ca } } },
  { name: 'TLS by name', receiver: { tls: server }, sender: { host: 'localhost', tls: { ca } } },
  {
    name: 'TLS with client certificates, key and user',
    receiver: { tls: { ...server, ca, requireClientCertificate: true }, sharedKey: KEY, users: USERS },
    sender: { tls: { ca, ...client }, sharedKey: KEY, ...USERS[0]! },
  },
  { name: 'TLS unchecked', receiver: { tls: stranger }, sender: { tls: { verify: false } } },
  {
    name: 'a certificate for another name',
    receiver: { tls: server },
    sender: { tls: { ca, serverName: 'localhost' } },
  },
]

for (const pairing of pairings) {
  t.test(`our output reaches our input with ${pairing.name}`, async t => {
    const receiver = await Receiver.start(t, pairing.receiver)
    const { output, said } = sender(t, receiver, pairing.sender)
    await Promise.all([send(output, 'one', 'two'), send(output, 'three')])
    t.strictSame(receiver.records, [{ message: 'one' }, { message: 'two' }, { message: 'three' }])
    t.strictSame(said, [])
  })
}

interface Refusal extends Pairing {
  readonly complaint: RegExp
  readonly counted?: string
}

const refused = 'forward_handshakes_refused_total'
const refusals: Refusal[] = [
  {
    name: 'the wrong key',
    receiver: { sharedKey: KEY },
    sender: { sharedKey: `${KEY}.` },
    complaint: /refuses us \(shared_key mismatch\)/,
    counted: refused,
  },
  {
    name: 'the wrong password',
    receiver: { sharedKey: KEY, users: USERS },
    sender: { sharedKey: KEY, username: 'web', password: USERS[1]!.password },
    complaint: /refuses us \(username\/password mismatch\)/,
    counted: refused,
  },
  {
    name: 'an unknown user',
    receiver: { sharedKey: KEY, users: USERS },
    sender: { sharedKey: KEY, username: 'constructor', password: 'x' },
    complaint: /refuses us \(username\/password mismatch\)/,
    counted: refused,
  },
  {
    name: 'no user where one is wanted',
    receiver: { sharedKey: KEY, users: USERS },
    sender: { sharedKey: KEY },
    complaint: /refuses us \(username\/password mismatch\): set username and password of this output, if/,
    counted: refused,
  },
  {
    name: 'no key where one is wanted',
    receiver: { sharedKey: KEY },
    sender: {},
    complaint: /asks for a shared key, which this output does not have: set shared_key/,
  },
  {
    name: 'plain text to TLS',
    receiver: { tls: server },
    sender: { sharedKey: KEY },
    complaint: /./,
  },
  {
    name: 'a receiver whose authority is unknown',
    receiver: { tls: stranger },
    sender: { tls: { ca } },
    complaint: /certificate/,
    counted: 'forward_tls_errors_total',
  },
  {
    name: 'a receiver of another name',
    receiver: { tls: server },
    sender: { tls: { ca, serverName: 'logs.example' } },
    complaint: /logs\.example/,
  },
  {
    name: 'no client certificate where one is wanted',
    receiver: { tls: { ...server, ca, requireClientCertificate: true } },
    sender: { tls: { ca } },
    complaint: /./,
    counted: 'forward_tls_errors_total',
  },
  {
    name: 'the client certificate of a stranger',
    receiver: { tls: { ...server, ca, requireClientCertificate: true } },
    sender: { tls: { ca, cert: stranger.cert, key: stranger.key } },
    complaint: /./,
    counted: 'forward_tls_errors_total',
  },
]

for (const refusal of refusals) {
  t.test(`nothing passes with ${refusal.name}`, async t => {
    const receiver = await Receiver.start(t, { ...refusal.receiver, handshakeTimeoutMs: 500 })
    const { output, failure, said } = sender(t, receiver, refusal.sender)
    const lost = t.rejects(send(output, 'secret line'), { code: 'ERR_FORWARD_DELIVERY' })
    t.match(await failure, refusal.complaint)
    if (refusal.counted !== undefined) await receiver.counters.reaches(refusal.counted, 1)
    await output.close()
    await lost
    t.strictSame(receiver.seen, [])
    const told = JSON.stringify([said, receiver.warnings, receiver.letters.letters])
    t.notOk(
      SECRETS.some(secret => told.includes(secret)),
      'no secret is told',
    )
  })
}

t.test('the Fluent client gets in with key, user and TLS', async t => {
  const receiver = await Receiver.start(t, {
    sharedKey: KEY,
    users: USERS,
    tls: { ...server, ca, requireClientCertificate: true },
  })
  const fluent = new FluentClient('app', {
    eventMode: 'PackedForward',
    ack: { ackTimeout: 20_000 },
    socket: {
      host: '127.0.0.1',
      port: receiver.address.port,
      tls: {
        ca: readFileSync(ca),
        cert: readFileSync(client.cert),
        key: readFileSync(client.key),
      },
    },
    security: { clientHostname: 'client', sharedKey: KEY, ...USERS[0]! },
  })
  t.teardown(() => fluent.disconnect())
  await fluent.emit('web', { message: 'hello' })
  t.strictSame(receiver.records, [{ message: 'hello' }])
})

/** A PING as Fluent Bit sends it: the salt is random bytes inside a str. */
function rawPing(nonce: Buffer, key = KEY): Buffer {
  const salt = Buffer.from('fffe00c3a9808182f0f1f2f3f4f5f6f7', 'hex')
  const digest = createHash('sha512').update(salt).update('host').update(nonce).update(key).digest('hex')
  return Buffer.concat([
    Buffer.from([0x96]),
    encode('PING'),
    encode('host'),
    Buffer.from([0xa0 | salt.length]),
    salt,
    encode(digest),
    encode(''),
    encode(''),
  ])
}

const nonceOf = (helo: unknown): Buffer => (helo as [string, { nonce: Buffer }])[1].nonce

t.test("Fluent Bit's salt is hashed as the bytes that it is, and PONG proves the key to it", async t => {
  const receiver = await Receiver.start(t, { sharedKey: KEY, selfHostname: 'logneo' })
  const peer = await receiver.peer()
  const [helo] = await peer.reply(1)
  t.match(helo, ['HELO', { auth: '', keepalive: true }])
  const nonce = nonceOf(helo)
  peer.send(rawPing(nonce), ['app', packed(plainEntries('in')), { chunk: 'c', size: 1 }])
  const [, pong, ack] = await peer.reply(3)
  const salt = Buffer.from('fffe00c3a9808182f0f1f2f3f4f5f6f7', 'hex')
  const proof = createHash('sha512').update(salt).update('logneo').update(nonce).update(KEY).digest('hex')
  t.strictSame(pong, ['PONG', true, '', 'logneo', proof])
  t.strictSame(ack, { ack: 'c' })
})

t.test('a recorded PING opens no other connection', async t => {
  const receiver = await Receiver.start(t, { sharedKey: KEY })
  const first = await receiver.peer()
  const recorded = rawPing(nonceOf((await first.reply(1))[0]))
  first.send(recorded)
  t.match((await first.reply(2))[1], ['PONG', true])
  const second = await receiver.peer()
  await second.reply(1)
  second.send(recorded)
  t.match((await second.reply(2))[1], ['PONG', false, 'shared_key mismatch'])
  await second.closed
})

t.test('what comes instead of a PING is refused, and nothing is taken before it', async t => {
  const receiver = await Receiver.start(t, { sharedKey: KEY, users: USERS })
  const odd = [
    ['app', packed(plainEntries('x')), { chunk: 'c' }],
    ['PING'],
    ['PING', 1, 2, 3, 4, 5],
    ['PING', 'h', 's', 'd', 'u', 'x'.repeat(5000)],
    ['PONG', 'h', 's', 'd', 'u', 'p'],
    null,
    7,
    { PING: 1 },
  ]
  for (const message of odd) {
    const peer = await receiver.peer()
    peer.send(message)
    await peer.closed
    t.equal(peer.replies.length, 1, 'HELO alone')
  }
  t.equal(receiver.counters.of(refused), odd.length)
  const flood = await receiver.peer()
  flood.send(Buffer.concat([Buffer.from('c600800000', 'hex'), Buffer.alloc(200_000)]))
  await flood.closed
  t.equal(
    receiver.counters.of('forward_broken_streams_too_large_total'),
    1,
    'memory is bounded before the login',
  )
  t.strictSame(receiver.seen, [])
})

t.test('who does not prove himself in time has to go', async t => {
  const plain = await Receiver.start(t, { sharedKey: KEY, handshakeTimeoutMs: 50 })
  const peer = await plain.peer()
  await peer.closed
  t.equal(plain.counters.of('forward_handshake_timeouts_total'), 1)
  const tls = await Receiver.start(t, { tls: server, handshakeTimeoutMs: 50 })
  const silent = await tls.peer()
  await silent.closed
  t.equal(tls.counters.of('forward_tls_errors_total'), 1)
  t.equal(tls.server.numConnections, 0)
})

t.test('closing does not wait for connections in the middle of their TLS handshake', async t => {
  const receiver = await Receiver.start(t, { tls: server, handshakeTimeoutMs: 60_000 })
  const peer = await receiver.peer()
  await receiver.server.close()
  await peer.closed
  t.pass()
})

t.test('TLS before version 1.2 is refused', async t => {
  const receiver = await Receiver.start(t, { tls: server })
  const old = connectTls({
    port: receiver.address.port,
    host: '127.0.0.1',
    ca: readFileSync(ca),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  const [error] = await once(old, 'error')
  t.match((error as Error).message, /protocol version|unsupported protocol|no protocols/i)
})

t.test('a receiver that does not know the key is given nothing', async t => {
  let received = 0
  const { port } = await startServer(t, socket => {
    socket.write(encode(['HELO', { nonce: 'n', auth: '', keepalive: true }]))
    socket.on('data', data => {
      if (received === 0) socket.write(encode(['PONG', true, '', 'imposter', 'f'.repeat(128)]))
      received += data.length
    })
  })
  const said: string[] = []
  const output = new ForwardOutput({ port, sharedKey: KEY, maxRetries: 0, warn: text => said.push(text) })
  await t.rejects(send(output, 'secret line'), { message: /does not know the shared key/ })
  await output.close()
  t.ok(received < 600, 'only the PING came')
})

t.test('a receiver that says nothing is given up on after the connect timeout', async t => {
  const { port } = await startServer(t, () => {})
  const output = new ForwardOutput({ port, sharedKey: KEY, maxRetries: 0, connectTimeoutMs: 50 })
  await t.rejects(send(output, 'line'), { message: /no connection within 50 ms/ })
  await output.close()
})

t.test('wrong options are told all at once, without the secret', async t => {
  const missing = '/no/such/file.pem'
  t.throws(() => new ForwardServer({ port: 0, tls: { cert: missing, key: missing } }, async () => {}), {
    code: 'ERR_CONFIG',
    problems: [
      `forward.tls.cert: ${missing} cannot be read (ENOENT): mend the path or its permissions`,
      `forward.tls.key: ${missing} cannot be read (ENOENT): mend the path or its permissions`,
    ],
  })
  t.throws(
    () => new ForwardServer({ port: 0, tls: { cert: server.cert, key: client.key } }, async () => {}),
    {
      message: /^forward\.tls: the files are no certificate and key that fit together/,
    },
  )
  t.throws(() => new ForwardServer({ users: USERS }, async () => {}), {
    message: /^forward\.users needs forward\.sharedKey/,
  })
  t.throws(() => new ForwardOutput({ username: 'a' }), ConfigError)
})

t.test('the plain port is still open to everybody where nothing is asked', async t => {
  const receiver = await Receiver.start(t)
  const socket = connect({ port: receiver.address.port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  socket.write(encode(['app', packed(plainEntries('open'))]))
  await receiver.counters.reaches('forward_entries_total', 1)
})
