import fc from 'fast-check'
import t from 'tap'
import { decodeValue } from '../../plugin/msgpack/decode.js'
import { toJson } from '../../plugin/msgpack/json.js'
import { PackedExt } from '../../plugin/msgpack/packed-ext.js'
import { isTextUtf8 } from '../../plugin/msgpack/utf8.js'
import { anyValue, encode } from '../fixtures/forward-values.js'

t.test('the fast way and the plain one write the same', async t => {
  fc.assert(
    fc.property(anyValue, value => {
      const packed = encode(value)
      const decoded = decodeValue(packed, 0, packed.length)
      // A large integer beside it forces the plain way.
      return toJson([decoded, 1n]) === `[${toJson(decoded)},1]`
    }),
    { seed: 1, numRuns: 500 },
  )
  t.pass()
})

t.test('what is written is JSON, with the values that were read', async t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const packed = encode(value)
      t.same(JSON.parse(toJson(decodeValue(packed, 0, packed.length))), JSON.parse(JSON.stringify(value)))
    }),
    { seed: 2, numRuns: 200 },
  )
})

t.test('what JSON has no word for', async t => {
  t.equal(
    toJson({ a: 2n ** 64n - 1n, b: -(2n ** 63n) }),
    '{"a":18446744073709551615,"b":-9223372036854775808}',
  )
  t.equal(toJson([{ a: 2n ** 64n - 1n }, 1], 'text'), '[{"a":"18446744073709551615"},1]')
  t.equal(toJson([Number.NaN, Number.POSITIVE_INFINITY, -0]), '["NaN","Infinity",-0.0]')
  t.equal(
    toJson({ a: Buffer.from([255]), b: new PackedExt(3, Buffer.from([1])) }),
    '{"a":"/w==","b":{"ext":3,"data":"AQ=="}}',
  )
  t.equal(toJson(JSON.parse('{"__proto__":1,"toJSON":2}')), '{"__proto__":1,"toJSON":2}')
})

t.test('texts that are not UTF-8 are seen wherever they are, bytes are none', async t => {
  const bad = Buffer.from([0xa2, 0xff, 0x41])
  const wholes: [Buffer, boolean][] = [
    [encode({ a: ['\ufffd', { b: 'ä' }], c: Buffer.from([0xff]) }), true],
    [bad, false],
    [Buffer.concat([Buffer.from([0x92]), encode('a'), bad]), false],
    [Buffer.concat([Buffer.from([0x81]), bad, encode(1)]), false],
    [Buffer.concat([Buffer.from([0x81]), encode('k'), Buffer.from([0x91]), bad]), false],
  ]
  for (const [packed, isText] of wholes) t.equal(isTextUtf8(packed, 0, packed.length), isText)
})
