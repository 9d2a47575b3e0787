import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack } from 'msgpackr'
import t from 'tap'
import { BrokenStreamError } from '../../plugin/errors.js'
import { FrameReader } from '../../plugin/msgpack/frame-reader.js'
import { INVALID, MAX_DEPTH, NEED_MORE, skip, TOO_DEEP } from '../../plugin/msgpack/scan.js'
import { anyValue, encode } from '../fixtures/forward-values.js'

const seeded = { seed: 42, numRuns: 300 }

t.test('skip finds the end of what two encoders write', async () => {
  fc.assert(
    fc.property(anyValue, value => {
      for (const bytes of [encode(value), Buffer.from(pack(value))]) {
        assert.equal(skip(bytes, 0, bytes.length), bytes.length)
        const padded = Buffer.concat([Buffer.from([1]), bytes, Buffer.from([0xc1])])
        assert.equal(skip(padded, 1, padded.length), bytes.length + 1)
      }
    }),
    seeded,
  )
})

t.test('skip asks for more at every cut', async () => {
  fc.assert(
    fc.property(anyValue, value => {
      const bytes = encode(value)
      for (let end = 0; end < bytes.length; end++) assert.equal(skip(bytes, 0, end), NEED_MORE)
    }),
    { seed: 42, numRuns: 60 },
  )
})

t.test('skip knows every first byte', async t => {
  const sizes = new Map<number, number>([
    [0xc0, 1],
    [0xc2, 1],
    [0xc3, 1],
    [0xc4, 2],
    [0xc5, 3],
    [0xc6, 5],
    [0xc7, 3],
    [0xc8, 4],
    [0xc9, 6],
    [0xca, 5],
    [0xcb, 9],
    [0xcc, 2],
    [0xcd, 3],
    [0xce, 5],
    [0xcf, 9],
    [0xd0, 2],
    [0xd1, 3],
    [0xd2, 5],
    [0xd3, 9],
    [0xd4, 3],
    [0xd5, 4],
    [0xd6, 6],
    [0xd7, 10],
    [0xd8, 18],
    [0xd9, 2],
    [0xda, 3],
    [0xdb, 5],
    [0xdc, 3],
    [0xdd, 5],
    [0xde, 3],
    [0xdf, 5],
  ])
  for (const [first, size] of sizes) {
    const bytes = Buffer.alloc(size)
    bytes[0] = first
    t.equal(skip(bytes, 0, size), size, first.toString(16))
  }
})

t.test('skip refuses 0xc1 and deep nesting without using the call stack', async t => {
  t.equal(skip(Buffer.from([0x91, 0xc1]), 0, 2), INVALID)
  const bomb = Buffer.alloc(5_000_000, 0x91)
  t.equal(skip(bomb, 0, bomb.length), TOO_DEEP)
  const deepest = Buffer.alloc(MAX_DEPTH + 1, 0x91)
  deepest[MAX_DEPTH] = 0xc0
  t.equal(skip(deepest, 0, deepest.length), deepest.length)
  t.equal(skip(Buffer.concat([Buffer.from([0x91]), deepest]), 0, deepest.length + 1), TOO_DEEP)
})

t.test('skip does not believe lengths that are not there', async t => {
  for (const head of ['ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff', 'c9ffffffff01']) {
    const bytes = Buffer.from(head, 'hex')
    t.equal(skip(bytes, 0, bytes.length), NEED_MORE)
  }
})

function split(bytes: Buffer, sizes: readonly number[], maxFrameBytes = 1 << 20): Buffer[] {
  const reader = new FrameReader(maxFrameBytes)
  const frames: Buffer[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    reader.push(Buffer.from(bytes.subarray(at, at + size)), frame => frames.push(frame))
    at += size
  }
  return frames
}

t.test('frames come out whole however the stream is cut', async () => {
  fc.assert(
    fc.property(
      fc.array(anyValue, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
      (values, sizes) => {
        const packed = values.map(encode)
        const stream = Buffer.concat(packed)
        for (const cuts of [sizes, [1], [stream.length + 1]]) assert.deepEqual(split(stream, cuts), packed)
      },
    ),
    { seed: 42, numRuns: 150 },
  )
})

t.test('a large frame in small pieces is scanned and copied about once', async t => {
  const frame = encode(Array.from({ length: 40_000 }, (_, i) => ({ message: `line number ${i} of many` })))
  const reader = new FrameReader(64 << 20)
  let most = 0
  const frames: Buffer[] = []
  for (let at = 0; at < frame.length; at += 100) {
    reader.push(frame.subarray(at, at + 100), found => frames.push(found))
    most = Math.max(most, reader.heldBytes)
  }
  t.strictSame(frames, [frame])
  t.ok(most < 2 * frame.length + 65536, `held ${most}`)
  t.equal(reader.heldBytes, 0, 'nothing is held between frames')
  t.notOk(reader.isPartial)
})

t.test('frames given out stay as they are while the stream goes on', async t => {
  const reader = new FrameReader(1 << 20)
  const frames: Buffer[] = []
  const parts = ['first', 'second', 'third', 'fourth'].map(text => encode(text.repeat(20)))
  const stream = Buffer.concat(parts)
  for (let at = 0; at < stream.length; at += 33) {
    reader.push(Buffer.from(stream.subarray(at, at + 33)), frame => frames.push(frame))
  }
  t.strictSame(frames, parts)
})

t.test('a frame over the limit is refused as soon as its header or its size says so', async t => {
  const tooLarge = { fault: 'too_large', message: /: \w/ }
  const none = () => {}
  t.throws(() => new FrameReader(1000).push(Buffer.from('dbffffffff', 'hex'), none), tooLarge)
  t.throws(() => new FrameReader(1000).push(Buffer.from('ddffffffff', 'hex'), none), tooLarge)
  const reader = new FrameReader(1000)
  reader.push(Buffer.from('dc03e8', 'hex'), none)
  t.throws(() => {
    for (let i = 0; i < 100; i++) reader.push(encode('x'.repeat(20)), none)
  }, tooLarge)
  t.ok(reader.heldBytes < 70_000)
  t.throws(() => new FrameReader(10).push(encode('x'.repeat(10)), none), tooLarge, 'also when it came whole')
})

t.test('frames before the break are given out', async t => {
  const frames: Buffer[] = []
  const reader = new FrameReader(1000)
  const bytes = Buffer.concat([encode(['a']), encode({ b: 1 }), Buffer.from([0xc1])])
  t.throws(() => reader.push(bytes, frame => frames.push(frame)), BrokenStreamError)
  t.strictSame(frames, [encode(['a']), encode({ b: 1 })])
  t.throws(() => new FrameReader(1000).push(Buffer.alloc(100, 0x91), () => {}), {
    fault: 'too_deep',
    message: /: \w/,
  })
})
