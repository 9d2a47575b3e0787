import { BrokenStreamError } from '../../../plugin/errors.js'
import { decodeValue } from '../../../plugin/msgpack/decode.js'
import { fieldPath, findField, readText } from '../../../plugin/msgpack/field.js'
import { FrameReader } from '../../../plugin/msgpack/frame-reader.js'
import { readMapHeader } from '../../../plugin/msgpack/header.js'
import { toJson } from '../../../plugin/msgpack/json.js'
import { skip } from '../../../plugin/msgpack/scan.js'
import { openField } from '../../../plugin/msgpack/splice.js'
import { isTextUtf8 } from '../../../plugin/msgpack/utf8.js'
import { PackWriter } from '../../../plugin/msgpack/write.js'
import { encode, eventTime } from '../../fixtures/forward-values.js'
import { endOf, expect, type FuzzTarget } from '../target.js'

/** Headers of each kind that msgpack has, and the time of the Forward protocol. */
export const MSGPACK_WORDS: readonly Uint8Array[] = [
  ...[0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa5, 0xbf, 0xc0, 0xc1, 0xc2, 0xca, 0xcb, 0xcf, 0xd3].map(
    byte => Buffer.from([byte]),
  ),
  ...['c4ff', 'c5ffff', 'c6ffffffff', 'd9ff', 'daffff', 'dbffffffff', 'dc0010', 'dd00000100', 'de0010'].map(
    hex => Buffer.from(hex, 'hex'),
  ),
  ...['ddffffffff', 'dfffffffff', 'c70800', 'c8000800', 'c90000000800', 'd40100', 'd8'].map(hex =>
    Buffer.from(hex, 'hex'),
  ),
  encode(eventTime(0xffffffff)),
  encode('message'),
  encode('__proto__'),
  encode('logneo'),
]

/** Records as they come, and odd ones. */
export const SAMPLE_RECORDS: readonly Uint8Array[] = [
  { message: 'a line of text' },
  { log: 'text\n', stream: 'stdout', kubernetes: { pod_name: 'web-1', labels: { app: 'web' } } },
  {
    message: '',
    level: 3,
    ratio: 0.5,
    isOk: true,
    none: null,
    list: [1, -1, 70_000, 2 ** 40],
    big: 2n ** 60n,
  },
  { logneo: { status: 'scored' }, message: 'x'.repeat(40), raw: Buffer.from([0, 255, 254]) },
  { '': { '': [[[[]]]] }, __proto__: { constructor: 1 }, message: ['not', 'a', 'text'] },
].map(encode)

const MAX_FRAME_BYTES = 1 << 18

/** Frames out of a stream: cut anywhere, the stream gives the same frames and the same end. */
export function msgpackFrames(): FuzzTarget {
  return {
    seeds: [
      Buffer.concat(SAMPLE_RECORDS),
      encode(['tag', [[eventTime(1), { message: 'x' }]], { chunk: 'c' }]),
    ],
    words: MSGPACK_WORDS,
    run(input) {
      const whole = readFrames([input])
      const cut = input.length === 0 ? 0 : input[0]! % input.length
      const inTwo = readFrames([input.subarray(0, cut), input.subarray(cut)])
      expect(whole.join() === inTwo.join(), 'a stream in two pieces gives the same frames')
      return `${Math.min(whole.length, 4)} ${whole.at(-1)}`.slice(0, 40)
    },
  }
}

/** @returns length of each frame, and how the stream ended */
function readFrames(pieces: readonly Buffer[]): string[] {
  const reader = new FrameReader(MAX_FRAME_BYTES)
  const found: string[] = []
  try {
    for (const piece of pieces) reader.push(piece, frame => found.push(String(frame.length)))
    found.push(reader.isPartial ? 'partial' : 'whole')
  } catch (error) {
    if (!(error instanceof BrokenStreamError)) throw error
    found.push(error.fault)
  }
  return found
}

const LINE = fieldPath('message')
const NESTED = fieldPath('kubernetes.labels.app')
const FIELD = fieldPath('logneo')
/** Characters of JSON for a byte of msgpack: bytes become escapes of six characters, in keys of keys twice as many. */
const MAX_GROWTH = 24

const KEY = encode('logneo')
const VALUE = encode({ status: 'unscored' })

/** One value: what the scanner takes can be decoded, searched, spliced and written as JSON. */
export function msgpackRecord(): FuzzTarget {
  const writer = new PackWriter()
  return {
    seeds: SAMPLE_RECORDS,
    words: MSGPACK_WORDS,
    run(input) {
      if (input.length === 0) return 'empty'
      const end = skip(input, 0, input.length)
      if (end < 0) return endOf(() => typeof decodeValue(input, 0, input.length), RangeError)
      const json = endOf(() => toJson(decodeValue(input, 0, end)), RangeError)
      if (!json.startsWith('RangeError')) JSON.parse(json)
      expect(
        json.length <= MAX_GROWTH * input.length + 100,
        'JSON is not much longer than what it is made of',
      )
      isTextUtf8(input, 0, end)
      if (readMapHeader(input, 0) < 0) return `no map ${json[0]}`
      const line = findField(input, 0, end, LINE)
      const text = line < 0 ? '' : typeof readText(input, line, end)
      findField(input, 0, end, NESTED)
      writer.reset()
      expect(openField(writer, input, 0, end, KEY), 'a field can be put into every map')
      writer.raw(VALUE, 0, VALUE.length)
      const spliced = writer.view()
      const at = findField(spliced, 0, spliced.length, FIELD)
      expect(
        at >= 0 && readText(spliced, at, spliced.length) === '{"status":"unscored"}',
        'the field is there',
      )
      return `map ${text} ${json.length.toString(2).length}`
    },
  }
}
