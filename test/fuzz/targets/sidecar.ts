import { ProtocolError } from '../../../sidecar/errors.js'
import { decodeFrame, encodeFrame, FrameReader } from '../../../sidecar/frames.js'
import { isBad, isMap, parseRequest, tokenFault } from '../../../sidecar/protocol.js'
import { checkHello, checkScores } from '../../../sidecar/reply.js'
import { encode } from '../../fixtures/forward-values.js'
import { endOf, expect, type FuzzTarget } from '../target.js'
import { MSGPACK_WORDS } from './msgpack.js'

const WORDS = [
  ...MSGPACK_WORDS,
  ...[
    'id',
    'op',
    'hello',
    'score',
    'stats',
    'prefixes',
    'observed',
    'top',
    'bundle',
    'token',
    'protocol',
  ].map(encode),
  Buffer.from('00000010', 'hex'),
]
const LIMITS = { maxEvents: 100, maxTextLength: 64 }
const MODEL = { vocabularySize: 50, contextLength: 16 }
const MAX_FRAME_BYTES = 1 << 18

/** Requests with their lengths in front: each is answerable or refused with a reason. */
export function sidecarRequest(): FuzzTarget {
  return {
    seeds: [
      encodeFrame({ id: 1, op: 'hello', protocol: 1, client: 'c', bundle: 'b', token: 't'.repeat(20) }),
      encodeFrame({ id: 2, op: 'score', prefixes: [[1, 4], [1]], observed: [5, 6], top: 3 }),
      Buffer.concat([encodeFrame({ id: 3, op: 'stats' }), encodeFrame({ id: 4, op: 'stats' })]),
    ],
    words: WORDS,
    run: input =>
      endOf(() => {
        const ends: string[] = []
        for (const frame of new FrameReader(MAX_FRAME_BYTES).push(input)) ends.push(requestEnd(frame))
        return ends.slice(0, 3).join()
      }, ProtocolError),
  }
}

function requestEnd(frame: Buffer): string {
  const request = parseRequest(decodeFrame(frame), LIMITS)
  if (isBad(request)) return `${request.code} ${request.message.replace(/\d/g, '')}`
  if (request.op !== 'score') return request.op
  expect(request.prefixes.length <= LIMITS.maxEvents, 'a request is within its limits')
  return tokenFault(request, MODEL) ?? 'score'
}

/** Replies as a client sees them, from a sidecar that may be anybody. */
export function sidecarReply(): FuzzTarget {
  const scores = {
    surprise: [1, 2],
    rank: [0, 1],
    rarity: [0.5, 1],
    expected: [[1], [2]],
    probability: [[0.5], [0.5]],
  }
  return {
    seeds: [
      {
        id: 1,
        protocol: 1,
        server: 's',
        bundle: 'b',
        vocabularySize: 9,
        contextLength: 9,
        maxEvents: 9,
        maxFrameBytes: 99,
      },
      { id: 2, bundle: 'b', ...scores },
      { id: 3, error: { code: 'overloaded', message: 'm', retriable: true } },
      { op: 'bundle', bundle: 'c' },
    ].map(reply => encodeFrame(reply).subarray(4)),
    words: WORDS,
    run: input =>
      endOf(() => {
        const reply = decodeFrame(input)
        if (!isMap(reply)) return 'no map'
        const hello = endOf(() => checkHello(reply) && 'hello', ProtocolError)
        return `${hello} ${endOf(() => checkScores(reply, 2) && 'scores', ProtocolError)}`
      }, ProtocolError),
  }
}
