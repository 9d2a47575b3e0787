import t from 'tap'
import type { Chunk } from '../../plugin/chunk.js'
import { resolveKafkaInputOptions } from '../../plugin/input/kafka-options.js'
import { KafkaPartition } from '../../plugin/input/kafka-partition.js'
import type { PartitionProducer } from '../../plugin/kafka/transaction.js'
import { PackWriter } from '../../plugin/msgpack/write.js'
import { Pipeline } from '../../plugin/pipeline.js'
import type { SessionStore } from '../../plugin/store/session-store.js'
import { type Tagged, Undelivered } from '../../plugin/undelivered.js'
import { Tally } from '../fixtures/forward-peer.js'
import { EchoJudge } from '../fixtures/plugin/echo-judge.js'
import { MemoryOutput } from '../fixtures/plugin/manual-service.js'
import { packEntries } from '../fixtures/plugin/packed-entries.js'

const MIB = 1024 * 1024
const NOTHING = { entries: packEntries([]), sessions: [] }

/** A judged chunk, in a buffer twice as large. */
function taggedOf(bytes: number): Tagged {
  const { count, offsets } = packEntries([[1, { n: 1 }]])
  const entries = { buffer: Buffer.allocUnsafeSlow(2 * bytes).subarray(0, bytes), count, offsets }
  return { lanes: [{ tag: 'a', entries, sessions: ['s'] }], summaries: NOTHING }
}

t.test('what is kept has a limit in bytes and needs no more memory than it says', async t => {
  const counters = new Tally()
  const kept = new Undelivered(counters, { maxChunks: 100, maxBytes: 10_000 })
  for (let i = 0; i < 12; i++) kept.keep(`chunk ${i}`, taggedOf(1000))
  t.equal(kept.get('chunk 2'), undefined)
  const { entries } = kept.get('chunk 3')!.lanes[0]!
  t.equal(entries.buffer.length, 1000)
  t.equal(entries.buffer.buffer.byteLength, 1000)
  t.ok(kept.bytes > 9000 && kept.bytes <= 10_000)
  t.equal(counters.of('undelivered_forgotten_total'), 3)
  kept.keep('large', taggedOf(20_000))
  t.equal(kept.get('large'), undefined)
  t.equal(counters.of('undelivered_forgotten_total'), 4)
  for (let i = 0; i < 12; i++) kept.forget(`chunk ${i}`)
  t.equal(kept.bytes, 0)
})

/** A pipeline over a judge that counts, and an output whose receiver is away. */
function subject() {
  const judge = new EchoJudge()
  const delivered: string[] = []
  const store = Object.assign(judge, { delivered: ({ name }: { name: string }) => delivered.push(name) })
  const output = new MemoryOutput()
  output.isAway = true
  const counters = new Tally()
  const pipeline = new Pipeline(store as unknown as SessionStore, [output], undefined, counters, {
    lineFields: ['message'],
    fields: 'minimal',
    tagPrefix: 'scored.',
    hasSummaries: true,
    sessionPath: undefined,
    now: () => 0,
  })
  const send = (chunkId: string, bytes = 10) => {
    const entries = packEntries([[1, { message: chunkId, pad: Buffer.alloc(bytes) }]])
    return pipeline.handle({ tag: 'raw', chunkId, entries, source: 'test' })
  }
  return { judge, delivered, output, counters, pipeline, send }
}

t.test('large chunks that cannot be delivered are not all kept', async t => {
  const { judge, counters, send } = subject()
  for (let i = 0; i < 20; i++) await t.rejects(send(`${i}`, 10 * MIB))
  t.equal(counters.of('undelivered_forgotten_total'), 8)
  await t.rejects(send('19', 10 * MIB))
  t.equal(judge.lines.length, 20, 'kept: it is not judged again')
  await t.rejects(send('0', 10 * MIB))
  t.equal(judge.lines.length, 21)
})

t.test('a chunk that turns out to be delivered is kept no longer', async t => {
  const { judge, delivered, pipeline, output, send } = subject()
  await t.rejects(send('a'))
  pipeline.settled({ tag: 'raw', chunkId: 'a', entries: packEntries([]), source: 'test' })
  t.same(delivered, ['a raw'])
  output.isAway = false
  await send('a')
  t.equal(judge.lines.length, 2)
})

/** A producer whose transactions are committed although it says that they failed. */
class LostAnswers {
  isOpen = false
  committed: number | undefined

  async open(): Promise<void> {
    this.isOpen = true
  }

  async begin(next: number) {
    return {
      commit: async () => {
        this.committed = next
        throw new Error('the answer was lost')
      },
    }
  }

  async close(): Promise<void> {
    this.isOpen = false
  }
}

t.test('a partition tells which chunk was committed although the answer was lost', async t => {
  const producer = new LostAnswers()
  const [taken, settled]: [string[], string[]] = [[], []]
  const host = {
    options: resolveKafkaInputOptions({ brokers: ['127.0.0.1:1'], topics: ['t'], group: 'g', retryMinMs: 1 }),
    take: async ({ chunkId, transaction }: Chunk) => {
      taken.push(chunkId!)
      await transaction!.commit()
    },
    counters: new Tally(),
    writer: new PackWriter(),
    interruption: new AbortController().signal,
    committed: async () => producer.committed,
    release() {},
    settled: ({ chunkId }: Chunk) => void settled.push(chunkId!),
    fenced() {},
    warn() {},
  }
  const partition = new KafkaPartition(host, 't', 0, producer as unknown as PartitionProducer)
  const message = { value: Buffer.from('a'), timestamp: '0', key: null, attributes: 0, headers: {} }
  await partition.work(
    ['5', '6'].map(offset => ({ ...message, offset })),
    7,
  )
  t.same(taken, ['kafka t 0 5-6'])
  t.same(settled, taken)
  t.equal(partition.next, 7)
})
