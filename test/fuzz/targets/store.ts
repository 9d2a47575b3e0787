import type { Judged } from '../../../plugin/engine-parts.js'
import type { Memory } from '../../../plugin/session.js'
import { JudgedCodec } from '../../../plugin/store/judged-codec.js'
import { type CodecModel, SessionCodec } from '../../../plugin/store/session-codec.js'
import { Tally } from '../../../scorer/composition/tally.js'
import { encode } from '../../fixtures/forward-values.js'
import { endOf, expect, type FuzzTarget } from '../target.js'
import { MSGPACK_WORDS } from './msgpack.js'

const MODEL: CodecModel = {
  vocabularySize: 20,
  contextLength: 8,
  begin: () =>
    ({
      context: { tokens: [1] },
      tally: new Tally(),
      standing: { evidence: [0], detectors: [0] },
      clues: [],
    }) as unknown as Memory,
}

/** `[startMs, touchedWallMs, doubtedMs, id, numEvents, firstMs, lastMs, lastTemplate, tokens, tally, ...]` */
const HELD = [
  ...[Number.NaN, 1_700_000_000_000, Number.NaN, 's1', 3, 1, 2, 't1', [1, 4, 5], [4, 2, 5, 1]],
  ...[[0.5], [0], [['next-key', 4.5, 'a sentence']], [1.5, 1, ['next-key'], 'a sentence', false]],
  ...[[{ kind: 'unseen', key: 't1' }], ['t1', 't2']],
]

/** Sessions as they lie in Redis or in a snapshot: read, they can be written and read again. */
export function storedSession(): FuzzTarget {
  const codec = new SessionCodec()
  return {
    seeds: [encode([1, 's1', 7, [HELD]]), encode([1, 's', 0, []]), encode([1, 'w', 1, [HELD, HELD]])],
    words: [...MSGPACK_WORDS, ...['next-key', 'unseen', [], null, -1, 2 ** 53, 0.5].map(encode)],
    run: input =>
      endOf(() => {
        const sessions = codec.decode(input, MODEL)
        const bytes = codec.encode(sessions)
        expect(bytes.equals(codec.encode(codec.decode(bytes, MODEL))), 'what is read is what is written')
        return `${Math.min(sessions.held.length, 3)} ${sessions.held[0]?.session.clues.length}`
      }, RangeError),
  }
}

const ORDINARY = {
  status: 'scored',
  anomaly: false,
  score: 0.5,
  severity: 'none',
  session: 's',
  rank: 1,
  surprise: 2,
}
const JUDGED = {
  verdicts: [
    { ...ORDINARY, template: 'a <*>', template_id: 't', model: 'm' },
    { ...ORDINARY, template: 'a <*>', template_id: 't', model: 'm', anomaly: true, reasons: ['next-key'] },
    { status: 'unscored' },
  ],
  summaries: [{ after: 1, summary: { kind: 'session', session: 's', anomaly: false, events: 3 } }],
} as unknown as Judged

/** Verdicts kept for the case that their chunk comes again. */
export function storedVerdicts(): FuzzTarget {
  const codec = new JudgedCodec()
  return {
    seeds: [codec.encode(JUDGED, [0, 5, 9]), codec.encode({ verdicts: [], summaries: [] })],
    words: [...MSGPACK_WORDS, ...['status', 'anomaly', 'kind', {}, [], null, -1].map(encode)],
    run: input =>
      endOf(() => {
        const { positions, ...judged } = codec.decode(input)
        codec.encode(judged, positions)
        return `${Math.min(judged.verdicts.length, 4)} ${judged.summaries.length > 0} ${positions.length > 0}`
      }, RangeError),
  }
}
