import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, DeliveryError, RecordsRefusedError } from '../../plugin/errors.js'
import { ElasticsearchOutput } from '../../plugin/output/elasticsearch.js'
import type { ElasticsearchOptions } from '../../plugin/output/elasticsearch-options.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { Service } from '../../plugin/service.js'
import { gate, LetterBox, Tally } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { type BulkScript, BulkServer, statuses, takeAll } from '../fixtures/plugin/bulk-server.js'
import { packEntries } from '../fixtures/plugin/packed-entries.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { findProgram, missing } from '../fixtures/services/program.js'

const openssl = findProgram('openssl', 'LOGNEO_OPENSSL')

/** A certificate of 127.0.0.1 that signs itself, and its key, PEM. */
function makeCertificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'logneo-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=logneo test', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', key, '-out', cert]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync(openssl!, ['req', '-x509', '-nodes', '-days', '1', ...kind, ...files, ...subject], {
    stdio: 'pipe',
  })
  const made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  rmSync(folder, { recursive: true })
  return made
}

const TIME = eventTime(1_700_000_000, 123_456_789)
const VERDICT = { status: 'scored', anomaly: false, score: 0.1, severity: 'none' }

const line = (message: string, fields: object = {}) => [TIME, { message, ...fields, logneo: VERDICT }]
const lines = (...messages: string[]) => packEntries(messages.map(message => line(message)))

async function setUp(t: Test, script?: BulkScript, options: ElasticsearchOptions = {}) {
  const server = await BulkServer.start(t, script)
  const counters = new Tally()
  const warnings: string[] = []
  const output = new ElasticsearchOutput(
    { urls: [server.url], retryMinMs: 1, retryMaxMs: 20, warn: text => warnings.push(text), ...options },
    counters,
  )
  t.teardown(() => output.close())
  return { server, counters, warnings, output }
}

t.test('records become documents with ids that come again when the chunk does', async t => {
  const { server, output, counters } = await setUp(t)
  await output.deliver('scored.raw.app', lines('a', 'a', 'b'), { sessions: [], chunkId: 'chunk-1' })
  const first = server.documents.map(({ id }) => id)
  t.equal(new Set(first).size, 3, 'equal lines stay apart')
  await output.deliver('scored.raw.app', lines('a', 'a', 'b'), { sessions: [], chunkId: 'chunk-1' })
  t.strictSame(
    server.documents.slice(3).map(({ id }) => id),
    first,
    'the same chunk again',
  )
  const again = packEntries([[TIME, { message: 'a', logneo: { ...VERDICT, score: 0.2 } }]])
  await output.deliver('scored.raw.app', again, { sessions: [], chunkId: 'chunk-1' })
  t.equal(server.documents[6]?.id, first[0], 'also when it was judged anew')
  await output.deliver('scored.raw.app', lines('x', 'a', 'b'), { sessions: [], chunkId: 'chunk-1' })
  t.not(server.documents[7]?.id, first[0], 'a chunk id used for other records')
  await output.deliver('scored.raw.app', lines('a'))
  await output.deliver('scored.raw.app', lines('a'))
  t.not(server.documents[10]?.id, server.documents[11]?.id, 'chunks without id are never repeats')
  t.match(server.documents[0], {
    index: 'logs-logneo-default',
    source: {
      '@timestamp': '2023-11-14T22:13:20.123456789Z',
      message: 'a',
      event: { kind: 'event', dataset: 'logneo' },
      logneo: { status: 'scored', anomaly: false, tag: 'scored.raw.app' },
    },
  })
  t.equal(server.documents[0]?.source.tags, undefined)
  t.equal(counters.of('elasticsearch_documents_total'), 12)
})

t.test('anomalies and sessions are told in ECS', async t => {
  const { server, output } = await setUp(t)
  const anomaly = { status: 'scored', anomaly: true, score: 6, severity: 'high', message: 'why' }
  await output.deliver(
    'scored.a',
    packEntries([
      [TIME, { log: 'text', level: 'WARN', host: 'h1', service: 'shop', tags: ['x'], logneo: anomaly }],
      [
        TIME,
        { message: 'm', log: { file: 'f' }, host: { ip: '::1' }, event: 'old', tags: 'x', logneo: VERDICT },
      ],
      [TIME, { message: 'm', log: 'raw', logneo: VERDICT }],
    ]),
  )
  const summary = {
    kind: 'session',
    session: 's1',
    anomaly: true,
    score: 3,
    closed: 'idle',
    message: 'why',
    started: '2023-11-14T22:13:20.000Z',
  }
  await output.deliver('logneo.session', packEntries([[TIME, { logneo: summary }]]))
  const [first, second, third, session] = server.documents.map(({ source }) => source)
  t.match(first, {
    message: 'text',
    log: { level: 'WARN' },
    host: { name: 'h1' },
    service: { name: 'shop' },
    event: { kind: 'alert', reason: 'why', risk_score: 50 },
    tags: ['x', 'log_anomaly'],
  })
  t.match(second, {
    log: { file: 'f' },
    host: { ip: '::1' },
    event: { original: 'old', kind: 'event' },
    tags: 'x',
  })
  t.match(third, { message: 'm', event: { original: 'raw' } })
  t.equal(third?.log, undefined)
  t.match(session, {
    message: 'session s1 closed (idle): why',
    event: { kind: 'alert', dataset: 'logneo.session', start: summary.started },
    tags: ['log_anomaly'],
  })
  t.equal(server.documents[3]?.index, 'logs-logneo.session-default')
})

t.test('nothing of a value is lost', async t => {
  const { server, output, counters } = await setUp(t)
  const bytes = Buffer.from([0, 0xff, 0x80])
  // {"message": a str that is not UTF-8}, packed by hand as no encoder would.
  const broken = Buffer.concat([
    encode([TIME]).fill(0x92, 0, 1),
    Buffer.from([0x81, 0xa1, 0x6d, 0xa2, 0xff, 0x41]),
  ])
  await output.deliver(
    'scored.a',
    packEntries([
      line('x', { big: 2n ** 64n - 1n, low: -(2n ** 63n), bytes, not: Number.NaN, deep: [{ a: null }] }),
      broken,
      line('really \ufffd'),
    ]),
  )
  const [first, second, third] = server.documents.map(({ source }) => source)
  t.match(first, { bytes: bytes.toString('base64'), not: 'NaN', deep: [{ a: null }] })
  t.match(server.texts[0], /"big":18446744073709551615,"low":-9223372036854775808/)
  t.equal(second?.m, '\ufffdA')
  const { packed } = second!.logneo as { packed: string }
  t.strictSame(Buffer.from(packed, 'base64'), broken.subarray(-6), 'the record as it came')
  t.notMatch(third, { logneo: { packed: String } })
  t.equal(counters.of('elasticsearch_invalid_utf8_total'), 1)
})

t.test('a document without time gets the time of day, group markers are left out', async t => {
  const { server, output } = await setUp(t, takeAll, { now: () => 1000 })
  await output.deliver(
    'scored.a',
    packEntries([
      [-1000, { message: 'm', logneo: VERDICT }],
      [eventTime(0xffffffff), { group: 1 }],
    ]),
  )
  t.strictSame(
    server.documents.map(({ source }) => source['@timestamp']),
    ['1970-01-01T00:00:01.000Z'],
  )
  await output.deliver('scored.a', packEntries([[eventTime(0xffffffff), { group: 1 }]]))
  t.equal(server.calls.length, 1, 'nothing to send')
})

t.test('partial failures are sent again alone, repetitions are success', async t => {
  const { server, output, counters } = await setUp(t, (_, number) =>
    number === 1 ? statuses([201, 429, 409, 503]) : statuses([201, 201]),
  )
  await output.deliver('scored.a', lines('a', 'b', 'c', 'd'))
  t.strictSame(
    server.calls.map(({ documents }) => documents.map(({ source }) => source.message)),
    [
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ],
  )
  t.equal(server.calls[1]?.documents[0]?.id, server.calls[0]?.documents[1]?.id)
  t.equal(counters.of('elasticsearch_retried_documents_total'), 2)
})

t.test('what can never be taken is named; the rest is delivered', async t => {
  const { output } = await setUp(t, () => statuses([201, 400, 201, 400], 'mapper_parsing_exception'))
  const error = await output.deliver('scored.a', lines('a', 'b', 'c', 'd')).catch((error: unknown) => error)
  t.ok(error instanceof RecordsRefusedError)
  t.match(error, {
    refused: [{ entryIndex: 1 }, { entryIndex: 3, reason: /mapper_parsing_exception.*the reason/ }],
  })
})

t.test('whole requests that fail come again: busy, down, silent, cut off, forbidden, nonsense', async t => {
  const faults = [
    { status: 429, body: { error: { reason: 'busy' } } },
    { status: 503, body: {} },
    { status: 403, body: { error: 'no' } },
    'silence',
    'reset',
    { status: 200, body: 'what?' },
    statuses([403], 'security_exception'),
    statuses([404], 'index_not_found_exception'),
    statuses([400], 'index_closed_exception'),
  ] as const
  const { server, output, counters, warnings } = await setUp(
    t,
    (_, number) => faults[number - 1] ?? statuses([201]),
    {
      timeoutMs: 200,
    },
  )
  await output.deliver('scored.a', lines('a'))
  t.equal(server.calls.length, faults.length + 1)
  t.equal(new Set(server.documents.map(({ id }) => id)).size, 1)
  t.equal(counters.of('elasticsearch_failures_total'), faults.length)
  t.match(warnings, [/HTTP 429: busy/, /takes records again/], 'one message for all of it')
  t.ok(output.isReady)
})

t.test('the next node is asked when one is away', async t => {
  const { server, output } = await setUp(t)
  const away = new ElasticsearchOutput({ urls: ['http://127.0.0.1:1', server.url], retryMinMs: 1 })
  t.teardown(() => away.close())
  await away.deliver('scored.a', lines('a'))
  t.equal(server.documents.length, 1)
  t.ok(output)
})

t.test('a request that is too large goes in halves, a document that is too large is refused', async t => {
  const { server, output } = await setUp(t, ({ documents }) =>
    documents.length > 1 || documents[0]?.source.message === 'huge'
      ? { status: 413, body: {} }
      : statuses([201]),
  )
  const error = await output.deliver('scored.a', lines('a', 'huge', 'c')).catch((error: unknown) => error)
  t.match(error, { refused: [{ entryIndex: 1, reason: /413/ }] })
  t.strictSame(
    server.calls
      .filter(({ documents }) => documents.length === 1)
      .map(({ documents }) => documents[0]?.source.message),
    ['a', 'huge', 'c'],
  )
})

t.test('requests are bounded, chunks that wait share one, and a full queue makes senders wait', async t => {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const { server, output } = await setUp(t, takeAll, {
    maxInFlight: 1,
    maxBulkBytes: 4096,
    maxQueueBytes: 30_000,
  })
  server.hold = held
  const text = 'x'.repeat(1000)
  const sent = Array.from({ length: 60 }, () => output.deliver('scored.a', lines(text)))
  await server.received(1)
  t.ok(output.queuedBytes <= 30_000, `${output.queuedBytes} bytes`)
  release()
  await Promise.all(sent)
  t.equal(server.documents.length, 60)
  t.ok(Math.max(...server.calls.map(({ bytes }) => bytes)) <= 4096)
  t.ok(server.calls.length < 40, `${server.calls.length} requests`)
  t.equal(output.queuedBytes, 0)
})

t.test('closing waits for a while, then gives up', async t => {
  const { output } = await setUp(t, () => ({ status: 503, body: {} }), { closeTimeoutMs: 50 })
  const lost = t.rejects(output.deliver('scored.a', lines('a')), DeliveryError)
  await output.close()
  await lost
  await t.rejects(output.deliver('scored.a', lines('b')), { code: 'ERR_CLOSED' })
})

t.test('who we are', async t => {
  const { server, output } = await setUp(t, takeAll, { auth: { apiKey: 'S2V5' } })
  await output.deliver('scored.a', lines('a'))
  t.equal(server.calls[0]?.headers.authorization, 'ApiKey S2V5')
  const user = new ElasticsearchOutput({ urls: [server.url], auth: { username: 'u', password: 'p:w' } })
  t.teardown(() => user.close())
  await user.deliver('scored.a', lines('a'))
  t.equal(server.calls[1]?.headers.authorization, `Basic ${Buffer.from('u:p:w').toString('base64')}`)
})

t.test(
  'TLS: only who shows the right certificate is given records',
  { skip: openssl ? false : missing('openssl', 'LOGNEO_OPENSSL') },
  async t => {
    const [first, second] = [makeCertificate(), makeCertificate()]
    const server = await BulkServer.start(t, takeAll, first)
    const trusting = new ElasticsearchOutput({ urls: [server.url], ca: first.cert })
    t.teardown(() => trusting.close())
    await trusting.deliver('scored.a', lines('a'))
    t.equal(server.documents.length, 1)
    for (const ca of [{}, { ca: second.cert }]) {
      const warned = gate<string>()
      const output = new ElasticsearchOutput({
        urls: [server.url],
        warn: warned.open,
        closeTimeoutMs: 0,
        ...ca,
      })
      const lost = t.rejects(output.deliver('scored.a', lines('b')), DeliveryError)
      t.match(await warned.wait, /self.signed certificate|unable to verify|signature failure/i)
      t.notOk(output.isReady)
      await output.close()
      await lost
    }
    t.equal(server.documents.length, 1)
  },
)

t.test('a stage buries what is refused and acknowledges the rest', async t => {
  const isBad = ({ source }: { source: object }) => 'bad' in source
  const server = await BulkServer.start(t, ({ documents }) =>
    statuses(
      documents.map(document => (isBad(document) ? 400 : 201)),
      'mapper_parsing_exception',
    ),
  )
  const deadLetter = new LetterBox()
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: await smallModel() },
    forward: { port: 0 },
    outputs: [new ElasticsearchOutput({ urls: [server.url] }, counters)],
    deadLetter,
    counters,
  })
  const address = await service.listen()
  const sender = new ForwardOutput({ port: address!.port })
  const entries = [{ message: 'a' }, { message: 'b', bad: 1 }, { message: 'c', bad: 2 }, { message: 'd' }]
  await sender.send('raw.a', Buffer.concat(entries.map(record => encode([TIME, record]))), entries.length)
  await sender.close()
  await service.stop()
  t.strictSame(
    server.documents.map(({ source }) => source.message),
    ['a', 'b', 'c', 'd'],
    'sent once',
  )
  t.strictSame(
    deadLetter.letters.map(({ bytes }) => bytes.includes(Buffer.from('bad'))),
    [true, true],
  )
  t.match(deadLetter.letters[0], { source: /^elasticsearch /, reason: /mapper_parsing_exception/ })
})

t.test('wrong options are told together', async t => {
  const wrong = {
    urls: ['ftp://x'],
    dataStream: 'Logs',
    maxInFlight: 0,
    retryMinMs: 5,
    retryMaxMs: 1,
    color: 1,
  }
  try {
    new ElasticsearchOutput(wrong as ElasticsearchOptions)
    t.fail('accepted')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    t.equal((error as ConfigError).problems.length, 5, String(error))
  }
})
