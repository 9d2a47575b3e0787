import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MAX_VALUES } from '../../plugin/msgpack/decode.js'
import { ElasticsearchOutput } from '../../plugin/output/elasticsearch.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { kafkaMessages } from '../../plugin/output/kafka-messages.js'
import { NdjsonSink } from '../../plugin/output/ndjson-sink.js'
import type { Output } from '../../plugin/output/output.js'
import { Service } from '../../plugin/service.js'
import { LetterBox, Tally } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { BulkServer } from '../fixtures/plugin/bulk-server.js'
import { packEntries } from '../fixtures/plugin/packed-entries.js'
import { smallModel } from '../fixtures/plugin/small-model.js'

const TIME = encode(eventTime(1_700_000_000))
const good = (message: string): Buffer => entry(encode({ message }))

function entry(record: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x92]), TIME, record])
}

/** `{field: [{}, {}, ...]}`: a byte a value. */
function manyMaps(field: string, count = MAX_VALUES + 1): Buffer {
  const head = Buffer.from('dd00000000', 'hex')
  head.writeUInt32BE(count, 1)
  return Buffer.concat([Buffer.from([0x81]), encode(field), head, Buffer.alloc(count, 0x80)])
}

/** `{[2^60, bytes]: 1}`: a key that is no text, and that JSON has no word for. */
const ODD_KEY = Buffer.concat([Buffer.from([0x81]), encode([2n ** 60n, Buffer.from([0xff])]), encode(1)])

async function sendThrough(t: Test, output: Output, entries: readonly Buffer[]): Promise<LetterBox> {
  const deadLetter = new LetterBox()
  const service = await Service.open({
    stage: { model: await smallModel() },
    forward: { port: 0 },
    outputs: [output],
    deadLetter,
    counters: new Tally(),
  })
  const address = await service.listen()
  t.teardown(() => service.stop())
  const sender = new ForwardOutput({ port: address!.port, maxRetries: 0, maxFrameBytes: 6_000_000 })
  await sender.send('raw', Buffer.concat(entries), entries.length)
  await sender.close()
  await service.stop()
  return deadLetter
}

const POISON = [
  good('before'),
  entry(ODD_KEY),
  entry(manyMaps('list')),
  entry(manyMaps('message')),
  entry(encode({ message: Buffer.alloc(100_000, 0xff), list: [[[[-0, Number.NaN]]]] })),
  good('after'),
]

t.test('a record that cannot be made JSON is put aside, the others go on', async t => {
  const path = join(t.testdir(), 'out.ndjson')
  const { letters } = await sendThrough(t, new NdjsonSink(path), POISON)
  const records = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
    .filter(({ tag }) => tag === 'scored.raw')
  t.equal(records.length, 4)
  t.equal(records[0]!.message, 'before')
  t.ok(Object.hasOwn(records[1]!, '[1152921504606846976,"/w=="]'), Object.keys(records[1]!).join())
  t.equal(records[3]!.message, 'after')
  t.equal(letters.length, 2)
  for (const { reason } of letters) t.match(reason, /cannot be made JSON \(it holds too many values\)/)
})

t.test('the same in Elasticsearch', async t => {
  const server = await BulkServer.start(t)
  const { letters } = await sendThrough(t, new ElasticsearchOutput({ urls: [server.url] }), POISON)
  const records = server.documents.filter(({ index }) => index === 'logs-logneo-default')
  t.equal(records.length, 4)
  t.equal(letters.length, 2)
})

t.test('the same in messages for Kafka, whose output would try again for ever otherwise', async t => {
  const limits = { batchBytes: 8_000_000, recordBytes: 8_000_000 }
  const messages = (...entries: Buffer[]) => [...kafkaMessages('t', packEntries(entries), [], limits)]
  t.equal(messages(good('x'), entry(ODD_KEY))[0]!.messages.length, 2)
  const [slice] = messages(good('x'), entry(manyMaps('list')))
  t.equal(slice!.messages.length, 1)
  t.match(slice!.refused, [{ entryIndex: 1, reason: /cannot be made JSON/ }])
})
