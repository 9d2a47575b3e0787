import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack } from 'msgpackr'
import t from 'tap'
import { ProtocolError } from '../../sidecar/errors.js'
import { decodeFrame, encodeFrame, FrameReader, LENGTH_BYTES } from '../../sidecar/frames.js'
import { parseRequest, tokenFault } from '../../sidecar/protocol.js'

const LIMITS = { maxEvents: 10, maxTextLength: 100 }

/** float32 is what travels. */
const float = fc.float({ noNaN: true, noDefaultInfinity: true }).filter(value => !Object.is(value, -0))
const token = fc.nat({ max: 100_000 })
const score = fc
  .array(fc.tuple(fc.array(token, { minLength: 1, maxLength: 20 }), token), { maxLength: 10 })
  .map(events => ({
    prefixes: events.map(([prefix]) => prefix),
    observed: events.map(([, observed]) => observed),
  }))
const request = fc.oneof(
  fc
    .record({ id: fc.maxSafeNat(), op: fc.constant('score'), bundle: fc.string(), top: fc.nat({ max: 16 }) })
    .chain(fields => score.map(events => ({ ...fields, ...events }))),
  fc.record({ id: fc.maxSafeNat(), op: fc.constant('hello'), protocol: fc.constant(1), token: fc.string() }),
  fc.record({ id: fc.maxSafeNat(), op: fc.constant('stats') }),
)
const reply = fc.record({
  id: fc.maxSafeNat(),
  surprise: fc.array(float),
  rank: fc.array(fc.nat()),
  expected: fc.array(fc.array(token)),
  probability: fc.array(fc.array(float)),
})

/** The frames that come out of a stream that is cut into pieces. */
function read(bytes: Buffer, sizes: readonly number[], maxFrameBytes = 2 ** 20): Buffer[] {
  const reader = new FrameReader(maxFrameBytes)
  const frames: Buffer[] = []
  let from = 0
  for (let i = 0; from < bytes.length; i++) {
    const piece = Buffer.from(bytes.subarray(from, from + (sizes[i % sizes.length] ?? 1)))
    for (const frame of reader.push(piece)) frames.push(Buffer.from(frame))
    from += piece.length
  }
  assert.equal(reader.isPartial, false)
  return frames
}

t.test('messages come back as they were sent, however the bytes are cut', async t => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(request, reply), { minLength: 1, maxLength: 5 }),
      fc.oneof(fc.constant([1]), fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 9 })),
      (messages, sizes) => {
        const frames = read(Buffer.concat(messages.map(encodeFrame)), sizes)
        assert.deepEqual(
          frames.map(decodeFrame),
          messages.map(message => ({ ...message })),
        )
      },
    ),
    { seed: 5, numRuns: 300 },
  )
  t.pass()
})

t.test('requests that are right are taken as they are', async t => {
  fc.assert(
    fc.property(request, one => assert.deepEqual(parseRequest(one, LIMITS), one)),
    { seed: 5 },
  )
  t.pass()
})

t.test('garbage is a ProtocolError or a value, never anything else', async t => {
  const mutated = fc
    .tuple(request, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }))
    .map(([message, changes]) => {
      const bytes = Buffer.from(encodeFrame(message).subarray(LENGTH_BYTES))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    })
  const garbage = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(mutated, garbage), bytes => {
      try {
        const parsed = parseRequest(decodeFrame(bytes), LIMITS)
        if ('prefixes' in parsed) tokenFault(parsed, { vocabularySize: 10, contextLength: 5 })
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error))
      }
    }),
    { seed: 5, numRuns: 20_000 },
  )
  t.pass()
})

t.test('what gives bytes a meaning of their own is refused', async t => {
  const refused: Readonly<Record<string, Buffer>> = {
    'a regular expression': Buffer.from([0xc7, 6, 0x78, 0x92, 0xa2, 0x61, 0x2b, 0xa1, 0x67]),
    'a date': pack(new Date()),
    'a set': Buffer.from([0xd6, 0x73, 0, 0, 0, 0, 0x91, 0x01]),
    'a record of msgpackr': Buffer.from([0xd4, 0x72, 0x40, 0x92, 0xa1, 0x61, 0xa1, 0x62, 1, 2]),
    bytes: pack(Buffer.from('x')),
    'the type that is never used': Buffer.from([0xc1]),
    'a list of 4 billion': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1]),
    'a map of 4 billion': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 1]),
    'a deep nest': Buffer.alloc(1000, 0x91),
    'many small lists': Buffer.concat([Buffer.from([0xdc, 0x7f, 0xff]), Buffer.alloc(0x7fff, 0x90)]),
    'a key that is no text': Buffer.from([0x81, 0x01, 0x01]),
    'bytes behind the value': Buffer.from([0x01, 0x02]),
    nothing: Buffer.alloc(0),
  }
  for (const [name, bytes] of Object.entries(refused)) t.throws(() => decodeFrame(bytes), ProtocolError, name)
  const polluted = decodeFrame(Buffer.from([0x81, 0xa9, ...Buffer.from('__proto__'), 0x80])) as object
  t.equal(Object.getPrototypeOf(polluted), Object.prototype)
})

t.test(
  'a frame over the limit is refused by its header alone, and nothing is made for what it claims',
  async t => {
    const reader = new FrameReader(1000)
    const header = Buffer.alloc(LENGTH_BYTES)
    header.writeUInt32BE(0xffffffff)
    t.throws(() => [...reader.push(header)], {
      code: 'ERR_SIDECAR_PROTOCOL',
      message: /4294967295 bytes is over the limit of 1000/,
    })
  },
)

t.test('wrong requests are told what is wrong', async t => {
  const wrong: readonly (readonly [unknown, object])[] = [
    ['text', { id: null, message: /must be a map/ }],
    [[1], { id: null, message: /must be a map/ }],
    [{ op: 'stats' }, { id: null, message: /id must be/ }],
    [
      { id: -1, op: 'stats' },
      { id: null, message: /id must be/ },
    ],
    [
      { id: 1.5, op: 'stats' },
      { id: null, message: /id must be/ },
    ],
    [
      { id: 1, op: 'train' },
      { id: 1, code: 'unknown_op', message: /hello, score, stats/ },
    ],
    [
      { id: 1, op: 'toString' },
      { id: 1, code: 'unknown_op' },
    ],
    [
      { id: 1, op: 'hello' },
      { id: 1, code: 'bad_request', message: /protocol must be/ },
    ],
    [{ id: 1, op: 'hello', protocol: 1, token: 5 }, { message: /token must be a text/ }],
    [{ id: 1, op: 'hello', protocol: 1, client: 'x'.repeat(101) }, { message: /at most 100 characters/ }],
    [{ id: 1, op: 'score', prefixes: 'x', observed: [] }, { message: /must be lists/ }],
    [{ id: 1, op: 'score', prefixes: [[1]], observed: [] }, { message: /same length/ }],
    [{ id: 1, op: 'score', prefixes: [[]], observed: [1] }, { message: /at least one token/ }],
    [{ id: 1, op: 'score', prefixes: ['x'], observed: [1] }, { message: /at least one token/ }],
    [
      { id: 1, op: 'score', prefixes: Array(11).fill([1]), observed: Array(11).fill(1) },
      { message: /10 events, not 11/ },
    ],
    [{ id: 1, op: 'score', prefixes: [[1]], observed: [1], top: 17 }, { message: /top must be/ }],
  ]
  for (const [message, expected] of wrong) t.match(parseRequest(message, LIMITS), expected)
})

t.test('tokens that the model does not know never reach it', async t => {
  const model = { vocabularySize: 10, contextLength: 3 }
  t.equal(tokenFault({ prefixes: [[0, 9, 1]], observed: [9] }, model), undefined)
  for (const bad of [10, -1, 1.5, Number.NaN, '1' as unknown as number, null as unknown as number]) {
    t.match(tokenFault({ prefixes: [[1, bad]], observed: [1] }, model), /from 0 to 9/)
    t.match(tokenFault({ prefixes: [[1]], observed: [bad] }, model), /from 0 to 9/)
  }
  t.match(tokenFault({ prefixes: [[1, 1, 1, 1]], observed: [1] }, model), /3 tokens/)
})
