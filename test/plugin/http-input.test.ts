import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { Chunk } from '../../plugin/chunk.js'
import { HttpInput } from '../../plugin/input/http.js'
import type { HttpInputOptions } from '../../plugin/input/http-options.js'
import { certificates } from '../fixtures/certificates.js'
import { fluentBitEntries, gate, look, packed, type SeenChunk, Tally } from '../fixtures/forward-peer.js'

const TOKEN = 'a token of some length'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Record<string, unknown>
}

/** An input that keeps what it gets, closed at the end of the test. */
class Subject {
  readonly seen: SeenChunk[] = []
  readonly counters = new Tally()
  readonly warnings: string[] = []
  readonly input: HttpInput
  onChunk: (chunk: Chunk) => Promise<void> = async () => {}

  constructor(options: HttpInputOptions) {
    this.input = new HttpInput(
      { port: 0, warn: message => this.warnings.push(message), ...options },
      async chunk => {
        this.seen.push(look(chunk))
        await this.onChunk(chunk)
      },
      'scored.',
      this.counters,
    )
  }

  static async start(t: Test, options: HttpInputOptions = {}): Promise<Subject> {
    const subject = new Subject(options)
    await subject.input.start()
    t.teardown(() => subject.input.close())
    return subject
  }

  get address(): AddressInfo {
    return this.input.address!
  }

  get records(): unknown[] {
    return this.seen.flatMap(({ records }) => records)
  }

  async post(
    body: string | Buffer,
    headers: Record<string, string> = {},
    path = '/',
    method = 'POST',
  ): Promise<Answer> {
    const sent = request({ port: this.address.port, host: '127.0.0.1', method, path, headers, agent: false })
    sent.end(body)
    const [response] = await once(sent, 'response')
    let text = ''
    for await (const piece of response) text += piece
    return { status: response.statusCode, headers: response.headers, body: JSON.parse(text || '{}') }
  }
}

const ndjson = { 'content-type': 'application/x-ndjson' }
const json = { 'content-type': 'application/json' }

t.test("lines arrive as Vector's http sink sends them, and 200 means delivered", async t => {
  const subject = await Subject.start(t)
  const { wait, open } = gate()
  subject.onChunk = () => wait
  let isAnswered = false
  const lines = [
    { message: 'one', timestamp: '2024-05-01T10:00:00.250Z', host: 'a' },
    { message: 'zwei: größer', timestamp: '2024-05-01T10:00:01Z', nested: { a: [1, null, true] } },
  ]
  const answered = subject
    .post(`${lines.map(line => JSON.stringify(line)).join('\n')}\n`, ndjson)
    .finally(() => {
      isAnswered = true
    })
  await subject.counters.reaches('http_records_total', 2)
  await new Promise(resolve => setTimeout(resolve, 30))
  t.equal(isAnswered, false, 'no answer before delivery')
  open()
  t.match(await answered, { status: 200, body: { records: 2 } })
  t.strictSame(subject.seen, [
    {
      tag: 'raw.http',
      chunkId: undefined,
      kinds: ['event', 'event'],
      times: [Date.UTC(2024, 4, 1, 10, 0, 0, 250), Date.UTC(2024, 4, 1, 10, 0, 1)],
      records: lines,
    },
  ])
  t.equal(subject.input.inFlightBytes, 0)
})

const NOW = 1_700_000_000_000

t.test('bodies of every form', async t => {
  const subject = await Subject.start(t, { now: () => NOW })
  const records = [{ message: 'a' }, { message: 'b' }]
  const forms: [name: string, body: string | Buffer, headers: Record<string, string>, expected: unknown[]][] =
    [
      ['an array', JSON.stringify(records), json, records],
      ['an array with spaces before it', `\n  ${JSON.stringify(records, undefined, 2)}`, json, records],
      ['one object', JSON.stringify(records[0], undefined, 2), json, [records[0]]],
      ['lines called JSON', '{"message":"a"}\n{"message":"b"}\n', json, records],
      ['an array without a type', JSON.stringify(records), {}, records],
      ['plain lines', 'a\r\n\nb', { 'content-type': 'text/plain' }, records],
      ['plain lines of curl', 'a\nb\n', { 'content-type': 'application/x-www-form-urlencoded' }, records],
      [
        'lines that look like arrays',
        '[2024] x\n[1]\n',
        ndjson,
        [{ message: '[2024] x' }, { message: '[1]' }],
      ],
      [
        'bad lines among good ones',
        '{"message":"a"}\n{"message":\n"text"\n7\n{"message":"b"}',
        ndjson,
        [records[0], { message: '{"message":' }, { message: '"text"' }, { message: '7' }, records[1]],
      ],
      [
        'an array of texts and others',
        '["a",{"message":"b"},7,null,[1]]',
        json,
        [...records, { message: '7' }, { message: 'null' }, { message: '[1]' }],
      ],
      [
        'gzip',
        gzipSync('{"message":"a"}\n{"message":"b"}'),
        { ...ndjson, 'content-encoding': 'gzip' },
        records,
      ],
      [
        'msgpack of Fluent Bit',
        packed(fluentBitEntries('a', 'b')),
        { 'content-type': 'application/msgpack' },
        records,
      ],
      [
        'long integers',
        '{"id":9007199254740993,"s":"a \\" 12345678901234567890","n":-12345678901234567}',
        json,
        [{ id: 9007199254740993n, s: 'a " 12345678901234567890', n: -12345678901234567n }],
      ],
      [
        'names of the prototype',
        '{"__proto__":{"a":1},"message":"a"}',
        json,
        [JSON.parse('{"__proto__":{"a":1},"message":"a"}')],
      ],
      ['nothing', '', ndjson, []],
      ['an empty array', '[]', json, []],
    ]
  for (const [name, body, headers, expected] of forms) {
    subject.seen.length = 0
    t.match(await subject.post(body, headers), { status: 200, body: { records: expected.length } }, name)
    t.strictSame(subject.records, expected, name)
  }
})

t.test('what nests too deeply arrives as its text', async t => {
  const subject = await Subject.start(t)
  const deep = `{"a":${'['.repeat(100)}${']'.repeat(100)}}`
  t.equal((await subject.post(`${deep}\n{"message":"b"}`, ndjson)).status, 200)
  t.strictSame(subject.records, [{ message: deep }, { message: 'b' }])
  t.match(await subject.post(`${'['.repeat(1e5)}${']'.repeat(1e5)}`, json), {
    status: 400,
    body: { error: /nests too deeply/ },
  })
})

t.test('times are those of the records, in any unit, else of arrival', async t => {
  const subject = await Subject.start(t, { now: () => NOW, timeFields: ['ts', 'date'] })
  const lines = [
    '{"ts":1600000000}',
    '{"ts":1600000000.5}',
    '{"ts":1600000000123}',
    '{"ts":1600000000123456}',
    '{"ts":1600000000123456789}',
    '{"ts":"1600000000"}',
    '{"ts":"nonsense","date":"2020-09-13T12:26:40Z"}',
    '{"ts":-5}',
    '{"timestamp":"2020-09-13T12:26:40Z"}',
  ]
  await subject.post(lines.join('\n'), ndjson)
  t.strictSame(
    subject.seen[0]!.times.map(time => Math.round(time)),
    [
      1600000000000,
      1600000000500,
      1600000000123,
      1600000000123,
      1600000000123,
      1600000000000,
      1600000000000,
      NOW,
      NOW,
    ],
  )
})

t.test('the tag comes from the header, the path or the config; our own is refused', async t => {
  const subject = await Subject.start(t, { tag: 'raw.web' })
  await subject.post('a', ndjson)
  await subject.post('a', ndjson, '/raw.app?x=1')
  await subject.post('a', { ...ndjson, 'x-logneo-tag': 'raw.head' }, '/raw.app')
  await subject.post('a', ndjson, '/raw.%C3%A4')
  t.strictSame(
    subject.seen.map(({ tag }) => tag),
    ['raw.web', 'raw.app', 'raw.head', 'raw.ä'],
  )
  for (const path of ['/scored.raw.app', '/%zz', '/a%0ab', `/${'x'.repeat(1100)}`])
    t.equal((await subject.post('a', ndjson, path)).status, 400, path.slice(0, 20))
  t.match(await subject.post('a', ndjson, '/scored.x'), { body: { error: /our own output/ } })
  t.equal(subject.seen.length, 4)
  const fixed = await Subject.start(t, { tagFromPath: false, tagHeader: 'X-Tag' })
  await fixed.post('a', ndjson, '/whatever')
  await fixed.post('a', { ...ndjson, 'x-tag': 'raw.x' }, '/whatever')
  t.strictSame(
    fixed.seen.map(({ tag }) => tag),
    ['raw.http', 'raw.x'],
  )
})

t.test('what cannot be understood is told, and none of it is taken', async t => {
  const subject = await Subject.start(t, { maxChunkBytes: 10_000, maxBodyBytes: 20_000, maxRecords: 3 })
  const gz = { ...ndjson, 'content-encoding': 'gzip' }
  const wrong: [
    name: string,
    body: string | Buffer,
    headers: Record<string, string>,
    status: number,
    error: RegExp,
  ][] = [
    ['cut JSON', '[{"message":"a"},', json, 400, /not JSON \(.*\): send an array/],
    ['a number', '7', json, 400, /not JSON/],
    ['damaged gzip', gzipSync('x').subarray(0, -6), gz, 400, /gzip data is damaged/],
    ['a bomb', gzipSync(Buffer.alloc(20_000)), gz, 413, /unpacks to over 10000 bytes/],
    ['much', 'x'.repeat(20_001), ndjson, 413, /over 20000 bytes/],
    ['many', 'a\nb\nc\nd\n', ndjson, 400, /over 3 records/],
    ['brotli', 'x', { ...ndjson, 'content-encoding': 'br' }, 415, /use gzip, zstd or none/],
    [
      'no msgpack',
      Buffer.from([0xc1]),
      { 'content-type': 'application/msgpack' },
      400,
      /no msgpack from byte 0/,
    ],
    ['a long id', 'a', { ...ndjson, 'idempotency-key': 'x'.repeat(300) }, 400, /at most 256/],
  ]
  for (const [name, body, headers, status, error] of wrong)
    t.match(await subject.post(body, headers), { status, body: { error } }, name)
  t.match(await subject.post('', {}, '/', 'GET'), { status: 405, headers: { allow: 'POST, PUT' } })
  t.strictSame(subject.seen, [])
  t.equal(subject.input.inFlightBytes, 0)
  t.equal((await subject.post('still here', ndjson)).status, 200)
})

t.test('a body without a length is bounded as it arrives', async t => {
  const subject = await Subject.start(t, { maxBodyBytes: 50_000 })
  const sent = request({ port: subject.address.port, host: '127.0.0.1', method: 'POST', headers: ndjson })
  sent.on('error', () => {})
  const answered = once(sent, 'response')
  for (let i = 0; i < 20; i++) sent.write('x'.repeat(10_000))
  const [response] = await answered
  t.equal(response.statusCode, 413)
  sent.destroy()
  t.strictSame(subject.seen, [])
})

t.test('only who knows the token is heard', async t => {
  const subject = await Subject.start(t, { token: TOKEN })
  for (const authorization of ['', TOKEN, `Bearer ${TOKEN}x`, 'Bearer ', `Basic ${TOKEN}`]) {
    const answer = await subject.post('a', { ...ndjson, ...(authorization && { authorization }) })
    t.match(answer, { status: 401, headers: { 'www-authenticate': 'Bearer' } })
    t.notMatch(JSON.stringify(answer), TOKEN)
  }
  t.equal((await subject.post('a', { ...ndjson, authorization: `Bearer ${TOKEN}` })).status, 200)
  t.equal(subject.seen.length, 1)
})

t.test('a request sent again under its key is answered and not handled again', async t => {
  const subject = await Subject.start(t)
  const keyed = { ...ndjson, 'idempotency-key': 'k1' }
  const both = await Promise.all([subject.post('a', keyed), subject.post('a', keyed)])
  t.strictSame(
    both.map(({ status }) => status),
    [200, 200],
  )
  await subject.post('a', keyed)
  await subject.post('a', { ...ndjson, 'x-logneo-chunk': 'k2' })
  await subject.post('a', keyed, '/raw.other')
  t.strictSame(
    subject.seen.map(({ chunkId, tag }) => [chunkId, tag]),
    [
      ['k1', 'raw.http'],
      ['k2', 'raw.http'],
      ['k1', 'raw.other'],
    ],
  )
  t.equal(subject.counters.of('http_chunks_repeated_total'), 2)
})

t.test('an output that fails puts the sender off, and the next try counts', async t => {
  const subject = await Subject.start(t, { retryAfterSeconds: 7 })
  subject.onChunk = async () => {
    throw new Error('disk full')
  }
  const keyed = { ...ndjson, 'idempotency-key': 'k' }
  t.match(await subject.post('a', keyed), { status: 503, headers: { 'retry-after': '7' } })
  subject.onChunk = async () => {}
  t.equal((await subject.post('a', keyed)).status, 200)
  t.equal(subject.seen.length, 2, 'handled again')
  t.match(subject.warnings, [/disk full/])
})

t.test('when outputs are slow, senders are asked to come again', async t => {
  const subject = await Subject.start(t, { maxInFlightBytes: 10 })
  const { wait, open } = gate()
  subject.onChunk = () => wait
  const first = subject.post('a line of some length', ndjson)
  await subject.counters.reaches('http_records_total', 1)
  t.match(await subject.post('b', ndjson), { status: 429, headers: { 'retry-after': '1' } })
  open()
  t.equal((await first).status, 200)
  t.equal((await subject.post('b', ndjson)).status, 200)
  t.equal(subject.input.inFlightBytes, 0)
})

t.test('a body that finds no room while it arrives is put off, and holds none', async t => {
  const subject = await Subject.start(t, { maxInFlightBytes: 10 })
  const sent = request({ port: subject.address.port, host: '127.0.0.1', method: 'POST', headers: ndjson })
  sent.on('error', () => {})
  const answered = once(sent, 'response')
  sent.write('x'.repeat(20))
  while (subject.input.inFlightBytes < 20) await new Promise(resolve => setTimeout(resolve, 5))
  sent.write('x'.repeat(20))
  const [response] = await answered
  t.equal(response.statusCode, 429)
  response.resume()
  sent.end()
  t.equal(subject.input.inFlightBytes, 0)
  t.strictSame(subject.seen, [])
})

t.test('slow and broken senders are cut off and take nothing with them', async t => {
  const subject = await Subject.start(t, { requestTimeoutMs: 100, maxConnections: 3 })
  const open = async (text: string) => {
    const socket = connect(subject.address.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  const slow = await open('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc')
  const slower = await open('POST / HT')
  slow.resume()
  slower.resume()
  await Promise.all([once(slow, 'close'), once(slower, 'close')])
  const nonsense = await open('\u0000\u0001\r\n\r\n')
  let reply = ''
  nonsense.on('data', data => {
    reply += data
  })
  await once(nonsense, 'close')
  t.match(reply, /^HTTP\/1\.1 400/)
  t.strictSame(subject.seen, [])
  t.equal(subject.input.inFlightBytes, 0)
  const idle = await Promise.all([open(''), open(''), open('')])
  const fourth = await open('')
  fourth.resume()
  await once(fourth, 'close')
  t.ok(subject.counters.of('http_connections_refused_total') >= 1)
  for (const socket of idle) socket.destroy()
})

t.test('closing answers what was taken and refuses the rest', async t => {
  const subject = await Subject.start(t)
  const { wait, open } = gate()
  subject.onChunk = () => wait
  const first = subject.post('a', ndjson)
  await subject.counters.reaches('http_records_total', 1)
  const closed = subject.input.close()
  open()
  t.match(await first, { status: 200, headers: { connection: 'close' } })
  await closed
  await t.rejects(subject.post('b', ndjson), { code: 'ECONNREFUSED' })
})

t.test('closing waits no longer than it may', async t => {
  const subject = await Subject.start(t, { closeTimeoutMs: 20 })
  subject.onChunk = () => new Promise(() => {})
  const first = t.rejects(subject.post('a', ndjson))
  await subject.counters.reaches('http_records_total', 1)
  await subject.input.close()
  await first
})

t.test('TLS, with client certificates if wanted', async t => {
  const { ca, server, client } = certificates()
  const subject = await Subject.start(t, { tls: { ...server, ca, requireClientCertificate: true } })
  t.match(subject.input.name, /^https 127\.0\.0\.1:\d+$/)
  const post = (files: object) => {
    const sent = requestTls({
      port: subject.address.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: ndjson,
      ca: readFileSync(ca),
      agent: false,
      ...files,
    })
    sent.end('secret')
    return once(sent, 'response')
  }
  const [response] = await post({ cert: readFileSync(client.cert), key: readFileSync(client.key) })
  t.equal(response.statusCode, 200)
  response.resume()
  await t.rejects(post({}))
  t.strictSame(subject.records, [{ message: 'secret' }])
})

t.test('wrong options are told', async t => {
  t.throws(() => new HttpInput({ port: -1, maxRecords: 0 }, async () => {}, '', new Tally()), {
    code: 'ERR_CONFIG',
    problems: [
      'http.port must be an integer from 0 to 65535, got -1',
      'http.maxRecords must be an integer from 1 to 67108864, got 0',
    ],
  })
})
