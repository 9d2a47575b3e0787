import type { Admin } from 'kafkajs'
import type { KafkaInputOptions } from '../input/kafka-options.js'
import {
  DEFAULT_KAFKA_CONNECTION_OPTIONS,
  type KafkaConnectionOptions,
  makeKafka,
} from '../kafka/connection.js'
import type { KafkaOutputOptions } from '../output/kafka-options.js'
import type { Findings, PeerCheck } from './findings.js'

const ADVICE =
  'see that the brokers run, that their advertised listeners can be reached from here, and that tls and sasl are those of that listener'

export function kafkaInputCheck(options: KafkaInputOptions): PeerCheck {
  const { topics, group } = options
  return kafkaCheck('input.kafka', options, async (admin, findings) => {
    const found = await noteTopics(admin, topics, findings)
    if (found.length > 0) await noteGroup(admin, group, found, findings)
  })
}

export function kafkaOutputCheck(options: KafkaOutputOptions): PeerCheck {
  const { topic, topicPrefix, summaryTopic } = options
  return kafkaCheck('output.kafka', options, async (admin, findings) => {
    const named = [topic, summaryTopic].filter(name => name !== undefined)
    await noteTopics(admin, named, findings)
    if (topic === undefined) await notePrefix(admin, topicPrefix ?? '', findings)
  })
}

function kafkaCheck(
  part: string,
  options: KafkaConnectionOptions,
  look: (admin: Admin, findings: Findings) => Promise<void>,
): PeerCheck {
  const { brokers, tls, sasl } = options
  return {
    part,
    peer: brokers.join(', '),
    advice: ADVICE,
    look: async (findings, signal) => {
      const resolved = { ...DEFAULT_KAFKA_CONNECTION_OPTIONS, ...options }
      const admin = (await makeKafka(resolved, () => {})).admin({ retry: { retries: 1 } })
      signal.addEventListener('abort', () => void admin.disconnect().catch(() => {}), { once: true })
      try {
        await admin.connect()
        const { brokers: nodes } = await admin.describeCluster()
        const how = [tls && 'TLS', sasl && `as ${sasl.username} by ${sasl.mechanism}`].filter(Boolean)
        findings.ok(`${count(nodes.length, 'broker')}${how.length === 0 ? '' : `, ${how.join(', ')}`}`)
        await look(admin, findings)
      } finally {
        await admin.disconnect().catch(() => {})
      }
    },
  }
}

/** @returns those that are there */
async function noteTopics(admin: Admin, names: readonly string[], findings: Findings): Promise<string[]> {
  const known = new Set(await admin.listTopics())
  const found = names.filter(name => known.has(name))
  for (const name of names)
    if (!known.has(name))
      findings.failed(
        `there is no topic ${name}, or we may not see it`,
        `create it (kafka-topics.sh --create --topic ${name}), or allow DESCRIBE on it: LogNEO makes no topics`,
      )
  if (found.length === 0) return found
  const { topics } = await admin.fetchTopicMetadata({ topics: found })
  for (const { name, partitions } of topics) {
    const headless = partitions.filter(({ leader }) => leader < 0).length
    if (headless === 0) findings.ok(`topic ${name} has ${count(partitions.length, 'partition')}`)
    else
      findings.failed(
        `topic ${name}: ${headless} of ${count(partitions.length, 'partition')} have no leader`,
        'bring the brokers back that hold their replicas',
      )
  }
  return found
}

async function notePrefix(admin: Admin, prefix: string, findings: Findings): Promise<void> {
  const found = (await admin.listTopics()).filter(name => name.startsWith(prefix))
  if (found.length > 0) findings.ok(`${count(found.length, 'topic')} begin with ${prefix}`)
  else
    findings.warning(
      `no topic begins with ${prefix}`,
      'create one for each tag that goes out: LogNEO makes no topics',
    )
}

/** Who reads in the group now, and how much it has before it. */
async function noteGroup(
  admin: Admin,
  group: string,
  topics: readonly string[],
  findings: Findings,
): Promise<void> {
  const { groups } = await admin.describeGroups([group])
  const lag = await lagOf(admin, group, topics)
  const members = groups[0]?.members.length ?? 0
  findings.ok(
    `group ${group}: ${count(members, 'member')} now, ${lag.toLocaleString('en-US')} records before it`,
  )
}

async function lagOf(admin: Admin, groupId: string, topics: readonly string[]): Promise<number> {
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] })
  let lag = 0
  for (const { topic, partitions } of committed) {
    const reached = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const at = reached.get(partition) ?? -1
      lag += Number(high) - (at < 0 ? Number(low) : at)
    }
  }
  return lag
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`
