import { Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type Chunk, entryEnd, entryKind, NO_COUNTERS, recordStart } from '../../../plugin/chunk.js'
import { BadFrameError, RecordTooLargeError } from '../../../plugin/errors.js'
import { ChunkIds } from '../../../plugin/input/chunk-ids.js'
import { SharedKeyHandshake } from '../../../plugin/input/forward-auth.js'
import { InFlightBudget } from '../../../plugin/input/forward-budget.js'
import {
  checkFrame,
  frameAck,
  frameChunkId,
  frameEntries,
  frameTag,
  parseFrame,
} from '../../../plugin/input/forward-frame.js'
import { Gunzip } from '../../../plugin/input/forward-gunzip.js'
import type { ForwardHost } from '../../../plugin/input/forward-intake.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS } from '../../../plugin/input/forward-options.js'
import { ForwardSession } from '../../../plugin/input/forward-session.js'
import { Unzstd } from '../../../plugin/input/forward-unzstd.js'
import { fieldPath, findField, readText } from '../../../plugin/msgpack/field.js'
import { skip } from '../../../plugin/msgpack/scan.js'
import { ecsDocument } from '../../../plugin/output/ecs-document.js'
import { entryJson } from '../../../plugin/output/entry-json.js'
import { Login } from '../../../plugin/output/forward-login.js'
import { fluentBitEntries, packed, plainEntries } from '../../fixtures/forward-peer.js'
import { encode } from '../../fixtures/forward-values.js'
import { endOf, expect, type FuzzTarget } from '../target.js'
import { MSGPACK_WORDS } from './msgpack.js'

const MESSAGES: readonly Uint8Array[] = [
  encode(['raw', fluentBitEntries('one', 'two'), { chunk: 'a', size: 2, fluent_signal: 0 }]),
  encode(['raw', plainEntries('three'), {}]),
  encode(['raw', packed(plainEntries('four', 'five')), { chunk: 'b' }]),
  encode(['raw', gzipSync(packed(plainEntries('six'))), { chunk: 'c', compressed: 'gzip' }]),
  encode(['raw', 1_700_000_000, { message: 'seven' }, { chunk: 'd' }]),
  encode(['scored.raw', [], { chunk: 'e' }]),
]

const WORDS = [
  ...MSGPACK_WORDS,
  ...['chunk', 'compressed', 'gzip', 'zstd', 'text', 'fluent_signal', 'size'].map(encode),
  ...[
    ['PING', 'h', 's', 'd', '', ''],
    ['HELO', { nonce: 'n', auth: '' }],
    ['PONG', true, '', 'h', 'd'],
  ].map(encode),
]

const MAX_ENTRIES = 1000
const LINE = fieldPath('message')

/** What the stage and its outputs do with entries. */
function useEntries({ tag, entries }: Pick<Chunk, 'tag' | 'entries'>): void {
  for (let i = 0; i < entries.count; i++) {
    if (entryKind(entries, i) === 'broken') continue
    const at = findField(entries.buffer, recordStart(entries, i), entryEnd(entries, i), LINE)
    if (at >= 0) readText(entries.buffer, at, entryEnd(entries, i))
    endOf(() => JSON.parse(entryJson(entries, i)) && 'JSON', RecordTooLargeError)
    endOf(() => ecsDocument(tag, entries, i, 0) && 'document', RangeError)
  }
}

/** One whole frame, as far as it goes without waiting. */
export function forwardFrame(): FuzzTarget {
  return {
    seeds: MESSAGES,
    words: WORDS,
    run(input) {
      const end = input.length === 0 ? -1 : skip(input, 0, input.length)
      if (end < 0) return 'no frame'
      const frame = input.subarray(0, end)
      return endOf(() => {
        const parsed = parseFrame(frame)
        checkFrame(parsed)
        frameAck(parsed)
        frameChunkId(parsed)
        const tag = frameTag(parsed)
        if (parsed.mode === 'CompressedPackedForward') return parsed.mode
        const { entries, numBroken, rest } = frameEntries(parsed, MAX_ENTRIES)
        expect(numBroken <= entries.count, 'no more entries are broken than there are')
        useEntries({ tag, entries })
        return `${parsed.mode} ${Math.min(entries.count, 3)} ${numBroken > 0} ${rest !== undefined}`
      }, BadFrameError)
    },
  }
}

/** A socket without a network: what the session writes is counted, what it reads is given by `emit`. */
class FakeSocket extends Duplex {
  readonly remoteAddress = 'fuzz'
  readonly remotePort = 1
  numWritten = 0

  override _read(): void {}

  override _write(data: Buffer, _: BufferEncoding, done: () => void): void {
    this.numWritten += data.length
    done()
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A connection from its first byte to its end: memory and chunks in flight are given back, whatever came. */
export function forwardStream(): FuzzTarget {
  const budget = new InFlightBudget(1 << 26)
  let numSeen = 0
  const host: ForwardHost = {
    options: { ...DEFAULT_FORWARD_SERVER_OPTIONS, maxFrameBytes: 1 << 19, maxChunkEntries: MAX_ENTRIES },
    counters: NO_COUNTERS,
    handler: async chunk => {
      numSeen += chunk.entries.count
      useEntries(chunk)
    },
    chunkIds: new ChunkIds(10),
    budget,
    gunzip: new Gunzip(1 << 20),
    unzstd: new Unzstd(1 << 20),
    flow: { isPaused: false },
    warnOnce() {},
  }
  return {
    seeds: [Buffer.concat(MESSAGES), ...MESSAGES],
    words: WORDS,
    async run(input) {
      numSeen = 0
      const socket = new FakeSocket()
      const session = new ForwardSession(socket as never, host)
      const cut = input.length === 0 ? 0 : input[0]! % input.length
      socket.emit('data', input.subarray(0, cut))
      socket.emit('data', input.subarray(cut))
      session.finish()
      while (session.isBusy) await turn()
      expect(budget.usedBytes === 0, 'nothing in flight is left over')
      socket.destroy()
      return `${Math.min(numSeen, 4)} ${socket.numWritten > 0} ${session.partialBytes > 0}`
    },
  }
}

/** Both ends of the handshake: nobody gets in who does not know the key. */
export function forwardHandshake(): FuzzTarget {
  const users = new Map([['web', 'a password']])
  const handshake = new SharedKeyHandshake({ sharedKey: 'key of the server', users, selfHostname: 'a' })
  const login = { sharedKey: 'key of the client', selfHostname: 'b', username: 'web', password: 'a password' }
  const helo = encode(['HELO', { nonce: 'n', auth: 'salt', keepalive: true }])
  return {
    seeds: [
      helo,
      encode(['PING', 'host', 'salt', 'd'.repeat(128), 'web', 'd'.repeat(128)]),
      encode(['PONG', true, '', 'host', 'd'.repeat(128)]),
    ],
    words: WORDS,
    run(input) {
      const end = input.length === 0 ? -1 : skip(input, 0, input.length)
      if (end < 0) return 'no frame'
      const frame = input.subarray(0, end)
      const server = handshake.begin().receive(frame)
      expect(server.state === 'refused', 'no PING is right by chance')
      const client = new Login(login)
      const first = client.receive(frame)
      if (first.state === 'failed') client.receive(helo)
      const second = client.receive(frame)
      expect(second.state === 'failed', 'no PONG is right by chance')
      return `${server.reply !== undefined} ${first.state} ${second.reason.slice(0, 30)}`
    },
  }
}
