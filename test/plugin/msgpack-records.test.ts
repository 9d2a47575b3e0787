import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import t from 'tap'
import { decodeRecord, decodeValue, MAX_VALUES } from '../../plugin/msgpack/decode.js'
import { fieldPath, findField, readText } from '../../plugin/msgpack/field.js'
import { NOT_FOUND } from '../../plugin/msgpack/header.js'
import { PackedExt } from '../../plugin/msgpack/packed-ext.js'
import { openField } from '../../plugin/msgpack/splice.js'
import { encodeText, PackWriter } from '../../plugin/msgpack/write.js'
import { anyRecord, anyValue, encode, eventTime } from '../fixtures/forward-values.js'

const seeded = { seed: 42, numRuns: 300 }
const KEY = encodeText('logneo')
const unpack = (bytes: Buffer): unknown =>
  new Unpackr({ int64AsType: 'number', mapsAsObjects: true }).unpack(bytes)

function splice(record: Buffer, value: unknown): Buffer {
  const writer = new PackWriter(16)
  assert(openField(writer, record, 0, record.length, KEY))
  writer.raw(encode(value), 0, encode(value).length)
  return writer.take()
}

t.test('what is written is read back, by us and by another reader', async () => {
  fc.assert(
    fc.property(anyValue, value => {
      const bytes = encode(value)
      assert.deepEqual(decodeValue(bytes, 0, bytes.length), value)
      assert.deepEqual(unpack(bytes), value)
    }),
    seeded,
  )
})

t.test('splicing equals decoding, setting and encoding', async () => {
  fc.assert(
    fc.property(anyRecord, anyValue, fc.boolean(), (record, value, hasField) => {
      const before = hasField ? { logneo: 'old', ...record } : record
      const spliced = splice(encode(before), value)
      const { logneo: _, ...others } = before as Record<string, unknown>
      assert.deepEqual(decodeRecord(spliced, 0, spliced.length), { ...others, logneo: value })
    }),
    seeded,
  )
})

t.test('splicing widens the map header where it must', async t => {
  for (const [size, first] of [
    [0, 0x81],
    [14, 0x8f],
    [15, 0xde],
    [65_534, 0xde],
    [65_535, 0xdf],
  ] as const) {
    const record = Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]))
    const spliced = splice(encode(record), true)
    t.equal(spliced[0], first)
    t.equal(Object.keys(decodeRecord(spliced, 0, spliced.length)).length, size + 1)
  }
})

t.test('splicing drops every older field of the name, str or bin', async t => {
  const record = Buffer.from('84a66c6f676e656f01a16102c4066c6f676e656f03a66c6f676e656f04', 'hex')
  const spliced = splice(record, 5)
  t.equal(spliced.toString('hex'), '82a16102a66c6f676e656f05')
})

t.test('splicing keeps bytes that are not UTF-8, odd encodings and extensions as they came', async t => {
  const body = 'd90161d902fffea162cf0000000000000001a163d7010102030405060708'
  const record = Buffer.from(`df00000003${body}`, 'hex')
  t.equal(splice(record, null).toString('hex'), `84${body}a66c6f676e656fc0`)
})

t.test('splicing refuses what is not one whole map and writes nothing', async t => {
  const writer = new PackWriter(16)
  for (const hex of ['c0', '91a161', '81', '81a161', '81a16101c0', '82a16101', '81a161c1']) {
    const record = Buffer.from(hex, 'hex')
    t.notOk(openField(writer, record, 0, record.length, KEY), hex)
    t.equal(writer.length, 0)
  }
})

t.test('a field is found by its path', async t => {
  const record = encode({
    a: 1,
    kubernetes: { pod: { name: 'web-1' }, 'a.b': 'dotted' },
    a2: [1, 2],
    empty: {},
  })
  const text = (path: string | string[]) => {
    const at = findField(record, 0, record.length, fieldPath(path))
    return at === NOT_FOUND ? undefined : readText(record, at, record.length)
  }
  t.equal(text('a'), '1')
  t.equal(text('kubernetes.pod.name'), 'web-1')
  t.equal(text(['kubernetes', 'a.b']), 'dotted')
  t.equal(text('kubernetes.pod'), '{"name":"web-1"}')
  t.equal(text('a2'), '[1,2]')
  for (const missing of ['b', 'a.b', 'kubernetes.pod.name.x', 'kubernetes.a', 'empty.a', '']) {
    t.equal(text(missing), undefined, missing)
  }
})

t.test('every field of any record is found, and no other', async () => {
  fc.assert(
    fc.property(anyRecord, record => {
      const bytes = encode(record)
      for (const [key, value] of Object.entries(record)) {
        const at = findField(bytes, 0, bytes.length, fieldPath([key]))
        assert.deepEqual(decodeValue(bytes, at, bytes.length), value)
        assert.equal(findField(bytes, 0, bytes.length, fieldPath([`${key}+`])) >= 0, `${key}+` in record)
      }
    }),
    { seed: 42, numRuns: 100 },
  )
})

t.test('looking into a cut or broken record finds nothing and does not throw', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      const buf = Buffer.from(bytes)
      for (const first of [0x81, 0x8f, 0xde, 0xdf]) {
        if (buf.length > 0) buf[0] = first
        const at = findField(buf, 0, buf.length, fieldPath('a.b'))
        assert(at === NOT_FOUND || (at > 0 && at < buf.length))
      }
    }),
    seeded,
  )
})

t.test('text of any value', async t => {
  const text = (value: unknown) => {
    const bytes = encode(value)
    return readText(bytes, 0, bytes.length)
  }
  t.equal(text('grün'), 'grün')
  t.equal(text(Buffer.from('bytes')), 'bytes')
  t.equal(text(null), '')
  t.equal(text(true), 'true')
  t.equal(text(-1.5), '-1.5')
  t.equal(text(2n ** 63n), '9223372036854775808')
  t.equal(text({ a: [2n ** 63n, Buffer.from('b')] }), '{"a":[9223372036854775808,"Yg=="]}')
  t.equal(text(new Array(65_535).fill(0)), undefined, 'no line, and no id, is that long')
  const broken = Buffer.from('a3ff6162', 'hex')
  t.equal(readText(broken, 0, 4), '\ufffdab')
})

t.test('hostile keys stay data', async t => {
  const bytes = Buffer.concat([
    Buffer.from([0x82]),
    encode('__proto__'),
    encode({ polluted: true }),
    encode('constructor'),
    encode(1),
  ])
  const record = decodeRecord(bytes, 0, bytes.length)
  t.equal(Object.getPrototypeOf(record), Object.prototype)
  t.strictSame(Object.keys(record), ['__proto__', 'constructor'])
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  t.equal((record as { polluted?: boolean }).polluted, undefined)
  t.strictSame(encode(record), bytes, 'and are written back')
})

t.test('extensions, integers beyond 2^53 and odd keys are kept', async t => {
  const record = {
    time: eventTime(7, 9),
    big: 2n ** 64n - 1n,
    low: -(2n ** 63n),
    ext: new PackedExt(-5, Buffer.alloc(3)),
  }
  const bytes = encode(record)
  t.strictSame(decodeRecord(bytes, 0, bytes.length), record)
  const odd = Buffer.from('8401a161c0a162c401' + '63' + 'a16391a164a165', 'hex')
  t.strictSame(decodeRecord(odd, 0, odd.length), { 1: 'a', null: 'b', c: 'c', '["d"]': 'e' })
  const bigKey = Buffer.concat([Buffer.from([0x81]), encode([2n ** 60n, Buffer.from([1])]), encode(1)])
  t.strictSame(decodeRecord(bigKey, 0, bigKey.length), { '[1152921504606846976,"AQ=="]': 1 })
})

t.test('decoding refuses what was not scanned', async t => {
  t.throws(() => decodeRecord(Buffer.from([0x91, 0xc0]), 0, 2), TypeError)
  t.throws(() => decodeRecord(Buffer.from([0x81, 0xa1]), 0, 2), RangeError)
  t.throws(() => decodeValue(Buffer.from('ddffffffff', 'hex'), 0, 5), RangeError)
  t.throws(() => decodeValue(Buffer.alloc(100_000, 0x91), 0, 100_000), RangeError)
  t.throws(() => decodeValue(Buffer.from([0xc1]), 0, 1), RangeError)
  let nested = encode([[1]])
  for (let i = 0; i < 30; i++) nested = Buffer.concat([Buffer.from([0x81]), nested, encode('"')])
  t.throws(() => decodeValue(nested, 0, nested.length), {
    message: /a key holds keys that are lists or maps/,
  })
  t.equal(readText(nested, 0, nested.length), undefined)
  const manyMaps = Buffer.concat([Buffer.from('dd00000000', 'hex'), Buffer.alloc(MAX_VALUES, 0x80)])
  manyMaps.writeUInt32BE(MAX_VALUES, 1)
  t.throws(() => decodeValue(manyMaps, 0, manyMaps.length), { message: /too many values/ })
  manyMaps.writeUInt32BE(MAX_VALUES - 1, 1)
  t.equal((decodeValue(manyMaps, 0, manyMaps.length) as unknown[]).length, MAX_VALUES - 1)
})

t.test('encoding leaves out what is no data and refuses cycles', async t => {
  t.strictSame(encode({ a: undefined, b: () => 1, c: Symbol('x'), d: [undefined] }), encode({ d: [null] }))
  t.strictSame(encode({ at: new Date(0) }), encode({ at: '1970-01-01T00:00:00.000Z' }))
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  t.throws(() => encode(cycle), TypeError)
})

t.test('the writer grows, is used again and hands out memory that it never touches again', async t => {
  const writer = new PackWriter(16)
  const mark = writer.openArray32()
  for (let i = 0; i < 1000; i++) writer.strCached(`template ${i % 7} <*>`)
  writer.patchArray32(mark, 1000)
  const first = writer.take()
  const copy = Buffer.from(first)
  for (let i = 0; i < 20_000; i++) writer.strCached(`another ${i}`)
  t.strictSame(first, copy)
  t.equal((unpack(first) as string[])[999], 'template 5 <*>')
  writer.reset()
  writer.eventTimeMs(1_700_000_000_123.5)
  t.equal(writer.view().toString('hex'), 'd7006553f100075c75e0')
})

t.test('texts around each header size', async t => {
  for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
    for (const text of ['x'.repeat(length), 'ü'.repeat(length), `${'x'.repeat(length)}€`]) {
      t.equal(unpack(encode(text)), text)
      t.equal(unpack(encodeText(text)), text)
    }
  }
})
