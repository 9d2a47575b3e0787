import { createHash } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { decodeValue } from '../msgpack/decode.js'
import { encodeRecord } from '../msgpack/encode.js'
import { PackWriter } from '../msgpack/write.js'
import type { SessionTracker } from '../session.js'
import { type CarriedSessions, type CodecModel, SESSION_FORMAT, SessionCodec } from './session-codec.js'
import { Unpacked } from './unpacked.js'

const NAME = 'logneo sessions'
const LENGTH_BYTES = 4
const DIGEST_BYTES = 32
/** Ids written before other work gets its turn. */
const IDS_PER_TURN = 1000

/** The sessions of a tracker as they stood at one moment. */
export interface Snapshot {
  /** The event clock; -Infinity before the first time. */
  readonly clockMs: number
  /** The least recently touched first. */
  readonly sessions: readonly CarriedSessions[]
}

/**
 * The bytes of a tracker's sessions: a digest of all that follows, then parts, each after its length: what it is and for which model, and one for
 * each id. Nobody may work on the sessions meanwhile.
 */
export async function encodeSnapshot(tracker: SessionTracker, bundleId: string): Promise<Buffer> {
  const codec = new SessionCodec()
  const writer = new PackWriter(256)
  encodeRecord(writer, [NAME, SESSION_FORMAT, bundleId, tracker.nowMs])
  const parts = [writer.take()]
  let touch = 0
  for (const held of tracker.held()) {
    parts.push(codec.encode({ ...held, touch: touch++ }))
    if (touch % IDS_PER_TURN === 0) await breathe()
  }
  const body = Buffer.concat(parts.flatMap(part => [lengthOf(part), part]))
  return Buffer.concat([digestOf(body), body])
}

/** What was encoded. @throws RangeError, with what is wrong, when it is damaged or of another model or version */
export function decodeSnapshot(bytes: Buffer, bundleId: string, model: CodecModel): Snapshot {
  const body = bytes.subarray(DIGEST_BYTES)
  if (!digestOf(body).equals(bytes.subarray(0, DIGEST_BYTES))) throw new RangeError('it is damaged')
  const codec = new SessionCodec()
  const [head, ...rest] = [...partsOf(body)]
  if (head === undefined) throw new RangeError('it is empty')
  const items = new Unpacked(decodeValue(head, 0, head.length))
  const [name, format, wantedId] = [items.text(), items.count(), items.text()]
  if (name !== NAME || format !== SESSION_FORMAT) throw new RangeError('it is of another version')
  if (wantedId !== bundleId) throw new RangeError(`it is of the model ${wantedId}, and this is ${bundleId}`)
  return { clockMs: items.number(), sessions: rest.map(part => codec.decode(part, model)) }
}

function* partsOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; ) {
    if (at + LENGTH_BYTES > body.length) throw new RangeError('it is cut off')
    const end = at + LENGTH_BYTES + body.readUInt32BE(at)
    if (end > body.length) throw new RangeError('it is cut off')
    yield body.subarray(at + LENGTH_BYTES, end)
    at = end
  }
}

function lengthOf(part: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES)
  bytes.writeUInt32BE(part.length)
  return bytes
}

function digestOf(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest()
}
