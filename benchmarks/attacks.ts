import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { encodeRecord } from '../plugin/msgpack/encode.js'
import { PackWriter } from '../plugin/msgpack/write.js'
import { packFrame } from '../plugin/output/forward-frame.js'
import type { Random } from '../scorer/random.js'

const MiB = 2 ** 20
const TAG = 'hostile'
/** A connection that the server neither closes nor reads on is left alone after this time. */
const PATIENCE_MS = 3000

/** One thing that hostile or broken senders do. */
export interface Attack {
  readonly name: string
  /** How a strike shows in the stage's counters: the beginnings of their names, without the prefix of all metrics. */
  readonly countedAs: readonly string[]
  /** By how much those counters grow for each strike, all together, at the least. */
  readonly perStrike: number
  strike(port: number, random: Random): Promise<void>
}

/** How bytes that are no frame are counted. */
const BROKEN = ['forward_broken_streams_', 'forward_frames_cut_off'] as const
const UNDECODABLE = ['forward_undecodable'] as const
const TOO_LARGE = ['forward_broken_streams_too_large'] as const
/** Records that can be passed on, and those that no receiver takes. */
const PASSED = ['events', 'records_buried'] as const

export const ATTACKS: readonly Attack[] = [
  attack('random bytes', [...BROKEN, ...UNDECODABLE], 1, random =>
    randomBytes(random, 1 + pick(random, 20_000)),
  ),
  attack('truncated frame', BROKEN, 1, random => {
    const frame = goodFrame(random)
    return frame.subarray(0, 1 + pick(random, frame.length - 1))
  }),
  attack('mutated frame', [...BROKEN, ...UNDECODABLE, 'forward_entries_broken', 'events'], 1, random => {
    const frame = goodFrame(random)
    for (let i = 0; i < 5; i++) frame[pick(random, frame.length)] = pick(random, 256)
    return frame
  }),
  attack('gzip bomb', UNDECODABLE, 1, () => GZIP_BOMB),
  attack('broken gzip', UNDECODABLE, 1, random => {
    const frame = Buffer.from(compressedFrame(Buffer.from('no msgpack at all')))
    frame[frame.length - 8 - pick(random, 10)]! ^= 0xff
    return frame
  }),
  attack('100 MB frame', TOO_LARGE, 1, () => HUGE_FRAME),
  attack('length without end', TOO_LARGE, 1, () =>
    Buffer.from([0x93, 0xa1, 0x78, 0xc6, 0xff, 0xff, 0xff, 0xff, 0x00]),
  ),
  attack('deep nesting', ['forward_broken_streams_too_deep'], 1, () => Buffer.alloc(200_000, 0x91)),
  attack('__proto__ keys', ['unscored'], 3, () =>
    frameOf([withKey('__proto__'), withKey('constructor'), withKey('logneo')]),
  ),
  attack('invalid UTF-8', ['unscored'], 1, random =>
    frameOf([withBytes(randomBytes(random, 300).map(byte => byte | 0x80))]),
  ),
  attack('line of 10 MB', PASSED, 1, random =>
    frameOf([withBytes(Buffer.alloc(10 * MiB, LONG_LINES[pick(random, LONG_LINES.length)]))]),
  ),
  attack('no line', ['forward_entries_broken', 'unscored'], 3, () =>
    frameOf([Buffer.from([0x80]), Buffer.from([0xc0]), Buffer.from([0x81, 0xc0, 0xc0])]),
  ),
  attack('times out of range', ['events'], 1, random =>
    frameOf([withBytes(Buffer.from('9999-12-31 23:59:59.999 UTC [1] 1.1 LOG:  x'))], pick(random, 2 ** 32)),
  ),
  attack('sessions that never end', ['events'], 200, random => {
    const id = `${pick(random, 2 ** 30).toString(16)}.${pick(random, 2 ** 15).toString(16)}`
    const line = Buffer.from(`2026-11-23 20:09:50.320 UTC [1] ${id} LOG:  statement: SELECT 1`)
    return frameOf(Array.from({ length: 200 }, () => withBytes(line)))
  }),
  { name: 'slow loris', countedAs: ['forward_partial_timeouts'], perStrike: 1, strike: slowLoris },
]

/** What lines of 10 MB repeat: one token, many tokens, numbers to mask, a session id over and over. */
const LONG_LINES = ['x', 'x y ', 'n=1 ', '[1] 1.1 '] as const
const GZIP_BOMB = compressedFrame(Buffer.alloc(256 * MiB))
const HUGE_FRAME = frameOf([withBytes(Buffer.alloc(100 * MiB, 0x20))])

function attack(
  name: string,
  countedAs: readonly string[],
  perStrike: number,
  bytes: (random: Random) => Uint8Array,
): Attack {
  return { name, countedAs, perStrike, strike: (port, random) => throwAt(port, bytes(random)) }
}

/** Sends bytes and hangs up once they are read or the server has closed. */
async function throwAt(port: number, bytes: Uint8Array): Promise<void> {
  const socket = await open(port)
  socket.end(bytes)
  await gone(socket)
}

/** A frame byte by byte, never finished. */
async function slowLoris(port: number, random: Random): Promise<void> {
  const frame = goodFrame(random)
  const socket = await open(port)
  for (let i = 0; i < frame.length / 2 && !socket.destroyed && i < 60; i++) {
    socket.write(frame.subarray(i, i + 1))
    await sleep(50)
  }
  await gone(socket)
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  socket.resume()
  await new Promise<void>(resolve => {
    socket.once('connect', resolve)
    socket.once('close', resolve)
  })
  return socket
}

async function gone(socket: Socket): Promise<void> {
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS)
  // Not events.once, which fails when the server resets the connection.
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
  clearTimeout(patience)
}

function goodFrame(random: Random): Buffer {
  return frameOf(
    Array.from({ length: 1 + pick(random, 20) }, () => withBytes(Buffer.from('a line of no session'))),
  )
}

/** A frame of these records, which are msgpack already. */
function frameOf(records: readonly Uint8Array[], seconds = 1_700_000_000): Buffer {
  const writer = new PackWriter()
  for (const record of records) {
    writer.arrayHeader(2)
    writer.uint(seconds)
    writer.raw(record, 0, record.length)
  }
  const entries = writer.take()
  const run = { parts: [entries], count: records.length, bytes: entries.length }
  return Buffer.concat(packFrame(TAG, run, undefined))
}

function compressedFrame(body: Uint8Array): Buffer {
  const packed = gzipSync(body)
  const writer = new PackWriter()
  writer.arrayHeader(3)
  writer.str(TAG)
  writer.bin(packed)
  writer.mapHeader(1)
  writer.str('compressed')
  writer.str('gzip')
  return writer.take()
}

/** `{key: {…}, message}` */
function withKey(key: string): Buffer {
  const writer = new PackWriter()
  writer.mapHeader(2)
  writer.str(key)
  encodeRecord(writer, { polluted: true })
  writer.str('message')
  writer.str('a line')
  return writer.take()
}

/** `{message}` of bytes that need not be UTF-8. */
function withBytes(line: Uint8Array): Buffer {
  const writer = new PackWriter(line.length + 64)
  writer.mapHeader(1)
  writer.str('message')
  const header = Buffer.from([0xdb, 0, 0, 0, 0])
  header.writeUInt32BE(line.length, 1)
  writer.raw(header, 0, header.length)
  writer.raw(line, 0, line.length)
  return writer.take()
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => pick(random, 256)))
}

const pick = (random: Random, below: number): number => Math.floor(random.uniform() * below)
