import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ElasticsearchOutput } from '../../plugin/output/elasticsearch.js'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { Service } from '../../plugin/service.js'
import { LetterBox, Tally } from '../fixtures/forward-peer.js'
import { encode, eventTime } from '../fixtures/forward-values.js'
import { packEntries } from '../fixtures/plugin/packed-entries.js'
import { grammarLog, logLine, smallModel } from '../fixtures/plugin/small-model.js'
import { openSearchLibraries, startOpenSearch } from '../fixtures/services/opensearch.js'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const { path, missing } = openSearchLibraries()

/** What is looked at in the answers. */
interface Answer {
  readonly hits?: {
    readonly total: { readonly value: number }
    readonly hits: readonly { readonly _source: Record<string, unknown> }[]
  }
}

const RECORDS = 'logs-logneo-default'
const SESSIONS = 'logs-logneo.session-default'

t.test('a real OpenSearch', { skip: missing ?? false }, async t => {
  const url = await startOpenSearch(t, path!)
  const ask = async (method: string, where: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`${url}/${where}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return (await answer.json()) as Answer
  }
  const search = async (stream: string, query: object) => {
    await ask('POST', `${stream}/_refresh`)
    return (await ask('POST', `${stream}/_search`, { size: 1000, track_total_hits: true, query })).hits!
  }
  const template = await readFile(join(ROOT, 'configs/elasticsearch/index-template.json'), 'utf8')
  t.strictSame(await ask('PUT', '_index_template/logneo', template), { acknowledged: true })

  await t.test('a stage fills both data streams; what cannot be taken is a dead letter', async t => {
    const counters = new Tally()
    const deadLetter = new LetterBox()
    const service = await Service.open({
      stage: { model: await smallModel(), detect: { falseAlarmRate: 0.02 } },
      forward: { port: 0 },
      outputs: [new ElasticsearchOutput({ urls: [url] }, counters)],
      deadLetter,
      counters,
    })
    const address = await service.listen()
    const odd = ['open', 'explode', 'close'].map((kind, i) => logLine(1e12 + i, 'odd', kind, i))
    const texts = [...grammarLog(7, 30), ...odd]
    const entries = texts.map(message => encode([eventTime(1_700_000_000, 42), { message }]))
    // A field that is text here and a map there: no mapping takes both.
    entries.push(
      encode([eventTime(1_700_000_001), { message: logLine(1e12, 'bad', 'open', 1), trace: 'text' }]),
    )
    const sender = new ForwardOutput({ port: address!.port })
    await sender.send('raw.app', Buffer.concat(entries), entries.length)
    await sender.close()
    t.ok(service.isReady)
    await service.stop()

    const all = await search(RECORDS, { match_all: {} })
    t.equal(all.total.value, texts.length, 'every record once')
    const flagged = await search(RECORDS, { term: { 'event.kind': 'alert' } })
    t.ok(flagged.total.value >= 1)
    const byTag = await search(RECORDS, { term: { tags: 'log_anomaly' } })
    t.equal(byTag.total.value, flagged.total.value)
    const template = await search(RECORDS, { term: { 'logneo.session': 'odd' } })
    t.equal(template.total.value, odd.length)
    t.match(flagged.hits[0]?._source, {
      event: { reason: String, risk_score: Number },
      logneo: { anomaly: true },
    })
    const risky = await search(RECORDS, { range: { 'event.risk_score': { gte: 5 } } })
    t.ok(risky.total.value >= 1, 'scores are numbers')
    const sessions = await search(SESSIONS, { term: { 'logneo.kind': 'session' } })
    t.equal(sessions.total.value, 32)
    t.equal(deadLetter.letters.length, 1)
    t.match(deadLetter.letters[0], { source: /elasticsearch/, reason: /mapper_parsing_exception/ })
    t.equal(counters.of('records_buried_total'), 1)
  })

  await t.test('what is sent twice is there once, and large integers and bytes survive', async t => {
    const output = new ElasticsearchOutput({ urls: [url], dataStream: 'logs-logneo-twice' })
    const bytes = Buffer.from([0, 0xff])
    const entries = packEntries([
      [eventTime(1_700_000_000), { message: 'x', big: 2n ** 62n, bytes, logneo: { status: 'scored' } }],
      [eventTime(1_700_000_000), { message: 'x', big: 2n ** 62n, bytes, logneo: { status: 'scored' } }],
    ])
    await output.deliver('scored.a', entries, { sessions: [], chunkId: 'chunk' })
    await output.deliver('scored.a', entries, { sessions: [], chunkId: 'chunk' })
    await output.close()
    const { total, hits } = await search('logs-logneo-twice', { term: { big: String(2n ** 62n) } })
    t.equal(total.value, 2)
    t.equal(hits[0]?._source.bytes, bytes.toString('base64'))
  })
})
