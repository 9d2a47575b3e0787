import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { mendReadCommitted } from '../../plugin/kafka/read-committed.js'
import { KafkaBroker } from '../services/kafka-broker.js'
import type { Expected } from './expected.js'
import type { FaultKind } from './fault.js'
import { KafkaReader } from './kafka-reader.js'
import { KafkaSender } from './kafka-sender.js'
import { HERE, type Link } from './network.js'
import { logneo, Part } from './part.js'
import {
  cutOf,
  freezeOf,
  IDLE_TIMEOUT_SECONDS,
  killOf,
  killWhileCutOf,
  killWhileHoldingOf,
  type Topology,
  type TopologyOptions,
} from './topology.js'

const FROM = 'raw'
const TO = 'scored'
const NUM_PARTITIONS = 4
/** After which the group takes a killed stage for dead: its partitions are given to nobody before. */
const SESSION_TIMEOUT_MS = 2000

/** A topic keyed by session -> the stage with transactions -> a topic, read as committed. */
export async function kafkaTopology(options: TopologyOptions): Promise<Topology> {
  const { folder, network, expected } = options
  const link = await network?.link('broker', true)
  const broker = await KafkaBroker.start((link?.neighbour ?? HERE).host)
  mendReadCommitted()
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  await makeTopics(kafka)
  const config = join(folder, 'stage.logneo.yaml')
  // Sessions end with their partition here: which process has it next is not known.
  await writeFile(config, `model: { path: ${options.model} }\n${configOf(broker.address)}`)
  const stage = new Part(link?.stage ?? HERE, logneo('run', '--config', config), join(folder, 'log'))
  stage.start()
  const sender = new KafkaSender(kafka, FROM)
  const journal = join(folder, 'journal')
  const reader = new KafkaReader(kafka, TO, journal)
  return {
    kinds: kindsOf(stage, broker, link),
    parts: [stage],
    journal,
    isExactlyOnce: true,
    send: ({ first, lines }) => sender.add(lines.map((line, i) => messageOf(line, first + i, expected))),
    copies: total => copiesIn(kafka, total),
    stop: async () => {
      await sender.close()
      await stage.stop()
      await reader.close()
      await broker.remove()
    },
  }
}

async function makeTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const topics = [FROM, TO].map(topic => ({ topic, numPartitions: NUM_PARTITIONS }))
  await admin.createTopics({ topics, waitForLeaders: true })
  await admin.disconnect()
}

const messageOf = (message: string, number: number, { sessions }: Expected) => ({
  key: String(sessions[number]),
  value: JSON.stringify({ message, number }),
})

/** What the sender wrote, which repeats a batch when it does not hear that it is there. */
async function copiesIn(kafka: Kafka, total: number): Promise<Uint8Array> {
  const copies = new Uint8Array(total)
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(FROM)
  await admin.disconnect()
  let left = offsets.reduce((sum, { high }) => sum + Number(high), 0)
  const consumer = kafka.consumer({ groupId: 'copies' })
  await consumer.connect()
  await consumer.subscribe({ topics: [FROM], fromBeginning: true })
  await new Promise<void>(resolve => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        const { number } = JSON.parse(message.value!.toString()) as { number: number }
        copies[number]!++
        if (--left === 0) resolve()
      },
    })
  })
  await consumer.disconnect()
  return copies
}

function kindsOf(stage: Part, broker: KafkaBroker, link: Link | undefined): FaultKind[] {
  const brokerKilled: FaultKind = {
    name: 'broker killed',
    downMs: [100, 1500],
    begin: () => broker.kill(),
    end: () => broker.start(),
  }
  const effects = { losesSessions: true }
  return [
    killOf('stage killed', stage, effects),
    freezeOf('stage frozen', stage),
    brokerKilled,
    killWhileHoldingOf('stage killed while the broker is away', stage, brokerKilled, effects),
    // The sender is on the broker's side of the cable, and that side must keep its address.
    ...(link ? [cutOf('network to the broker cut', link, ['stage'])] : []),
    ...(link ? [killWhileCutOf('stage killed while cut off', stage, link, effects)] : []),
  ]
}

const configOf = (broker: string): string => `
input:
  kafka:
    brokers: ["${broker}"]
    topics: [${FROM}]
    group: chaos
    transactions: true
    session_timeout_ms: ${SESSION_TIMEOUT_MS}
    heartbeat_ms: 200
output: { kafka: { brokers: ["${broker}"], topic: ${TO} } }
session: { idle_timeout_seconds: ${IDLE_TIMEOUT_SECONDS} }
detect: { fields: minimal }
log: { level: warn }
`
