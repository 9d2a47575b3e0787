import type { IncomingMessage } from 'node:http'
import { BadFrameError } from '../../../plugin/errors.js'
import { parseExactJson } from '../../../plugin/input/exact-json.js'
import { HttpFault } from '../../../plugin/input/http-body.js'
import { DEFAULT_HTTP_INPUT_OPTIONS } from '../../../plugin/input/http-options.js'
import { bodyFormat, bodyRecords } from '../../../plugin/input/http-records.js'
import { requestChunkId, requestTag } from '../../../plugin/input/http-request.js'
import { look } from '../../fixtures/forward-peer.js'
import { endOf, endOfAsync, expect, type FuzzTarget } from '../target.js'
import { MSGPACK_WORDS } from './msgpack.js'

export const JSON_WORDS = [
  ...String.raw`{ } [ ] " : , \ \" \u0000 null true - 1e999 0.1 12345678901234567890 -9007199254740993 {"a": [[`.split(
    ' ',
  ),
  ...['"__proto__"', '"timestamp"', '\n', '\r\n', ' '],
]

const RECORD =
  '{"message":"a line","timestamp":"2024-05-01T00:00:00Z","id":1234567890123456789,"n":{"list":[1,2.5,null]}}'
const TYPES = ['application/json', 'application/x-ndjson', 'application/msgpack', undefined]
const OPTIONS = { timeFields: ['timestamp', 'time'], maxRecords: 1000, nowMs: 0 }

/** A body after a byte that chooses its Content-Type: all records are read, or none. */
export function httpBody(): FuzzTarget {
  const texts = [
    `[${RECORD},${RECORD}]`,
    `${RECORD}\n${RECORD}\nno json\n`,
    RECORD,
    'plain\r\ntext\n',
    '[1,"two",[],{}]',
  ]
  return {
    seeds: texts.flatMap(text => [0, 1, 3].map(type => Buffer.from(String.fromCharCode(type) + text))),
    words: [...JSON_WORDS, ...MSGPACK_WORDS],
    run: input =>
      endOfAsync(
        async () => {
          const type = TYPES[(input[0] ?? 0) % TYPES.length]
          const entries = await bodyRecords(input.subarray(1), bodyFormat(type), OPTIONS)
          const { kinds, records } = look({ tag: 't', source: 's', entries })
          expect(records.length <= OPTIONS.maxRecords, 'no more records than are allowed')
          expect(type === TYPES[2] || !kinds.includes('broken'), 'records of ours are whole')
          return `${type} ${Math.min(records.length, 4)}`
          // Records in msgpack are decoded by nobody but this test.
        },
        BadFrameError,
        RangeError,
      ),
  }
}

/** URL, tag header and chunk id, a line each. */
export function httpRequest(): FuzzTarget {
  return {
    seeds: ['/raw.app?x=1\nraw.header\nid-1', '/%72aw%2eapp\n\n', '/\n\nid', '/scored.app\n\n'].map(text =>
      Buffer.from(text),
    ),
    words: ['%', '%00', '%ff', '%C3%BC', '..', '/', '\n', '\0', 'scored.', '?'],
    run(input) {
      const [url = '', tag = '', id = ''] = input.toString().split('\n')
      const request = {
        url,
        headers: { 'x-logneo-tag': tag, 'idempotency-key': id },
      } as unknown as IncomingMessage
      return endOf(() => {
        const found = requestTag(request, DEFAULT_HTTP_INPUT_OPTIONS, 'scored.')
        expect(!/\p{Cc}/u.test(found) && !found.startsWith('scored.'), 'a tag is printable and not our own')
        return `taken ${requestChunkId(request) !== undefined}`
      }, HttpFault)
    },
  }
}

/** What the reader of exact integers takes, JSON.parse takes, and finds the same but for large integers. */
export function exactJson(): FuzzTarget {
  return {
    seeds: [
      RECORD,
      '[12345678901234567890, -1234567890123456, "1234567890123456"]',
      '{"a\\"1234567890123456":1e20}',
    ].map(text => Buffer.from(text)),
    words: JSON_WORDS,
    run(input) {
      const text = input.toString()
      return endOf(() => {
        const exact = JSON.stringify(parseExactJson(text), (_, value: unknown) =>
          typeof value === 'bigint' ? Number(value) : value,
        )
        const plain = endOf(() => JSON.stringify(JSON.parse(text)), SyntaxError)
        expect(exact === plain, 'only large integers differ from JSON.parse')
        return exact.slice(0, 3)
      }, SyntaxError)
    },
  }
}
