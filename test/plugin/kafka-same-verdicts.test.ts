import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Cluster } from '../../benchmarks/replicas/cluster.js'
import { KafkaPeer, type KafkaReader, startStage } from '../fixtures/plugin/kafka-peer.js'
import { grammarLog, smallModel } from '../fixtures/plugin/small-model.js'
import { KafkaBroker, kafkaMissing } from '../fixtures/services/kafka.js'

const skip = kafkaMissing()
const NUM_PARTITIONS = 16
const NUM_SESSIONS = 150
/** Between two lines of the log: some sessions pause for longer than they may, none by much. */
const LINE_MS = 50_000
const START_MS = Date.UTC(2024, 4, 1)
/** What no session says, and the end of every tenth. */
const ODD = 'unheard of thing happened'

/** The log, each line with its number; some sessions hold an odd line, some never say that they end. */
const lines = grammarLog(7, NUM_SESSIONS).flatMap((line, i) => {
  const session = /req=(\w+)/.exec(line)![1]!
  const numbered = `${line} n=${i}`
  if (session.endsWith('3') && line.includes(' close ')) return []
  return session.endsWith('5') && line.includes(' close ')
    ? [`${numbered}odd`.replace(' close ', ` ${ODD} `), numbered]
    : [numbered]
})

interface Verdicts {
  /** By line. */
  readonly records: ReadonlyMap<string, string>
  /** By session, those that ended by themselves in the order in which they did. */
  readonly sessions: ReadonlyMap<string, string>
  readonly numAnomalies: number
}

function verdictsOf({ received }: KafkaReader): Verdicts {
  const records = new Map<string, string>()
  const sessions = new Map<string, string>()
  let numAnomalies = 0
  for (const { value } of received) {
    const { kind, session, anomaly, score, reasons, closed, events } = value.logneo
    const verdict = `${anomaly} ${Number(score ?? 0).toFixed(3)} ${reasons ?? ''}`
    if (anomaly === true) numAnomalies++
    if (kind === undefined) records.set(value.message!, verdict)
    // When the log stops is no end.
    else if (closed !== 'open')
      sessions.set(String(session), `${sessions.get(String(session)) ?? ''}${closed} ${events} ${verdict}; `)
  }
  return { records, sessions, numAnomalies }
}

/** What a number of replicas make of the log, all of them there before its first line. */
async function judgedBy(t: Test, peer: KafkaPeer, cluster: Cluster, numReplicas: number): Promise<Verdicts> {
  const topics = await peer.topics(NUM_PARTITIONS)
  const reader = await peer.reader(t, topics.to)
  const settings = { model: await smallModel(), input: { transactions: true } }
  const stages = []
  for (let i = 0; i < numReplicas; i++) stages.push(await startStage(t, peer, topics, settings))
  while ((await cluster.numMembers(topics.group)) !== numReplicas) await sleep(50)
  const messages = lines.map((message, i) => ({
    key: /req=(\w+)/.exec(message)![1]!,
    value: JSON.stringify({ message }),
    timestamp: String(START_MS + i * LINE_MS),
  }))
  await peer.send(topics.from, messages)
  await reader.until(({ records }) => records.length >= lines.length)
  for (const { service } of stages) await service.stop()
  await peer.readAll(topics.to, reader, NUM_PARTITIONS)
  t.equal(reader.records.length, lines.length, `${numReplicas}: every record once`)
  const busy = stages.filter(({ counters }) => counters.of('kafka_records_total') > 0)
  t.equal(busy.length, numReplicas, `${numReplicas}: each took its share`)
  return verdictsOf(reader)
}

t.test('four replicas say of records and of sessions what one says', { skip }, async t => {
  const broker = await KafkaBroker.start()
  const peer = await KafkaPeer.connect(broker.address)
  const cluster = new Cluster(broker.address, NUM_PARTITIONS)
  await cluster.connect()
  t.teardown(async () => {
    await Promise.all([peer.close(), cluster.close()])
    await broker.remove()
  })
  const one = await judgedBy(t, peer, cluster, 1)
  const four = await judgedBy(t, peer, cluster, 4)
  t.strictSame(four.records, one.records)
  t.ok(one.numAnomalies > 10, `${one.numAnomalies} findings`)
  const both = [...one.sessions].filter(([session]) => four.sessions.has(session))
  t.ok(both.length > NUM_SESSIONS / 2, `${both.length} sessions ended`)
  t.ok(
    both.some(([, verdicts]) => verdicts.startsWith('idle')),
    'some by silence',
  )
  t.strictSame(new Map(both.map(([session]) => [session, four.sessions.get(session)])), new Map(both))
})
