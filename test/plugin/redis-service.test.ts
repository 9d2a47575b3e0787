import t, { type Test } from 'tap'
import type { Chunk, ChunkHandler, LogPositions } from '../../plugin/chunk.js'
import { entryEnd, type PackedEntries, recordStart } from '../../plugin/chunk.js'
import { packLines } from '../../plugin/input/pack-lines.js'
import { decodeRecord } from '../../plugin/msgpack/decode.js'
import type { Output } from '../../plugin/output/output.js'
import { Service } from '../../plugin/service.js'
import type { Verdict } from '../../plugin/verdict.js'
import { Tally } from '../fixtures/forward-peer.js'
import { sessionLines } from '../fixtures/plugin/open-small.js'
import { DETECT, START_MS } from '../fixtures/plugin/shared-stage.js'
import { smallModel } from '../fixtures/plugin/small-model.js'
import { REDIS_MISSING, RedisServer, redisProgram } from '../fixtures/services/redis.js'

const skip = redisProgram() === undefined ? REDIS_MISSING : false
let redis: RedisServer

t.before(async () => {
  if (skip === false) redis = await RedisServer.start()
})
t.teardown(() => redis?.stop())

/** A service whose chunks the test hands in, with an output that refuses while it is told to. */
async function start(t: Test, prefix: string) {
  let take: ChunkHandler | undefined
  const receiver = { isAway: false, verdicts: [] as Verdict[], closed: [] as string[] }
  const output: Output = {
    name: 'test',
    isReady: true,
    async deliver(_, entries) {
      if (receiver.isAway) throw new Error('the receiver is away')
      for (const logneo of verdictsOf(entries)) {
        if ('kind' in logneo) receiver.closed.push(`${logneo.session} ${String(logneo.events)}`)
        else receiver.verdicts.push(logneo as unknown as Verdict)
      }
    },
    async close() {},
  }
  const counters = new Tally()
  const service = await Service.open({
    stage: { model: await smallModel(), detect: DETECT, store: { url: redis.url, prefix } },
    inputs: [
      handler => {
        take = handler
        return { name: 'test', async start() {}, async close() {} }
      },
    ],
    outputs: [output],
    counters,
  })
  t.teardown(() => service.stop())
  return { receiver, counters, take: take! }
}

function verdictsOf(entries: PackedEntries): Record<string, unknown>[] {
  return Array.from({ length: entries.count }, (_, i) => {
    const record = decodeRecord(entries.buffer, recordStart(entries, i), entryEnd(entries, i))
    return record.logneo as Record<string, unknown>
  })
}

function chunkOf(chunkId: string, kinds: readonly string[], log?: LogPositions): Chunk {
  const lines = sessionLines('x', START_MS, kinds).map(({ line }) => line!)
  return { ...packLines('raw.test', lines, START_MS), chunkId, ...(log && { log }) }
}

t.test(
  'a chunk that one service judged and could not deliver is delivered by another, judged once',
  { skip },
  async t => {
    const [one, other] = [await start(t, 'services'), await start(t, 'services')]
    const chunk = chunkOf('a', ['open', 'explode', 'read'])
    one.receiver.isAway = true
    await t.rejects(one.take(chunk), /away/)
    await other.take(chunk)
    t.equal(other.receiver.verdicts.length, 3)
    t.ok(other.receiver.verdicts.some(({ anomaly }) => anomaly === true))
    one.receiver.isAway = false
    await other.take(chunkOf('b', ['close']))
    t.same(other.receiver.closed, ['x 4'], 'no line entered the session twice')
    const third = await start(t, 'services')
    await third.take(chunk)
    t.same(third.receiver.verdicts, [], 'delivered before: it is acknowledged and left at that')
  },
)

t.test('pieces of a log that are cut otherwise the next time are judged once', { skip }, async t => {
  const [one, other] = [await start(t, 'logs'), await start(t, 'logs')]
  const at = (...positions: number[]): LogPositions => ({ name: 'topic/0', positions })
  one.receiver.isAway = true
  await t.rejects(one.take(chunkOf('0-2', ['open', 'read', 'read'], at(10, 11, 13))), /away/)
  await other.take(chunkOf('0-4', ['open', 'read', 'read', 'read', 'close'], at(10, 11, 13, 14, 15)))
  t.equal(other.receiver.verdicts.length, 5)
  t.same(other.receiver.closed, ['x 5'])
})
