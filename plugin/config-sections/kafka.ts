import { z } from 'zod'
import { oneOf, optional, settings, someInteger, text, yesOrNo } from '../config-fields.js'
import { DEFAULT_KAFKA_INPUT_OPTIONS as reader } from '../input/kafka-options.js'
import { KAFKA_VALUE_FORMATS } from '../input/kafka-values.js'
import { SASL_MECHANISMS } from '../kafka/connection.js'
import { KAFKA_COMPRESSIONS, DEFAULT_KAFKA_OUTPUT_OPTIONS as writer } from '../output/kafka-options.js'
import { MAX_MS } from './limits.js'
import { tlsClient } from './tls.js'

const MAX_BYTES = 2 ** 30

const listOf = (what: string, example: string, description: string) =>
  z
    .array(text(what), { error: `a list, such as [${example}]` })
    .min(1, { error: 'a list of at least one' })
    .meta({ description })

/** How to reach a cluster. */
const cluster = {
  brokers: listOf('A broker, host:port.', 'kafka-1:9092, kafka-2:9092', 'Some of the brokers, host:port.'),
  client_id: optional(text("Name in the brokers' logs and quotas."), reader.clientId),
  tls: optional(tlsClient),
  sasl: optional(
    settings({
      mechanism: oneOf(SASL_MECHANISMS, 'How we show who we are; plain only over TLS.'),
      username: text('Our name.'),
      password: text('Our password; best taken from the environment or a file.'),
    }),
  ),
  connect_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long connecting may take.'),
    reader.connectTimeoutMs,
  ),
}

/** `input.kafka` */
export const kafkaInput = settings({
  ...cluster,
  topics: listOf('A topic.', 'logs', 'Topics to read, keyed by session where there are several replicas.'),
  group: text('Consumer group; its members, the replicas, share the partitions.'),
  tag: optional(text('Tag of the records. By default kafka. and the topic.')),
  format: optional(
    oneOf(
      KAFKA_VALUE_FORMATS,
      'What values are; auto tells JSON objects and msgpack maps from lines of text.',
    ),
    reader.format,
  ),
  key_field: optional(text('Record field that takes the key of the message, for sessions named by it.')),
  from_beginning: optional(
    yesOrNo('Whether a new group begins with the oldest records, or with those that come next.'),
    reader.fromBeginning,
  ),
  transactions: optional(
    yesOrNo('Whether output.kafka and the offsets of the group are written in transactions: exactly once.'),
    reader.transactions,
  ),
  transaction_timeout_ms: optional(
    someInteger(1, MAX_MS, 'After how long the broker aborts a transaction that nobody ends.'),
    reader.transactionTimeoutMs,
  ),
  max_chunk_records: optional(
    someInteger(1, 1e6, 'Records that are judged and delivered together.'),
    reader.maxChunkRecords,
  ),
  max_in_flight_bytes: optional(
    someInteger(1, MAX_BYTES, 'Bytes of one answer of a broker, which are delivered before more are read.'),
    reader.maxInFlightBytes,
  ),
  max_partition_bytes: optional(
    someInteger(1, MAX_BYTES, 'As max_in_flight_bytes, for one partition.'),
    reader.maxPartitionBytes,
  ),
  session_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long the group waits for a silent member before others take its partitions.'),
    reader.sessionTimeoutMs,
  ),
  heartbeat_ms: optional(
    someInteger(1, MAX_MS, 'How often a member tells that it is there.'),
    reader.heartbeatMs,
  ),
  rebalance_timeout_ms: optional(
    someInteger(1, MAX_MS, 'How long a member may take to finish what is under way when partitions move.'),
    reader.rebalanceTimeoutMs,
  ),
  retry_min_ms: optional(someInteger(1, MAX_MS, 'Wait before the first retry.'), reader.retryMinMs),
  retry_max_ms: optional(someInteger(1, MAX_MS, 'Longest wait between retries.'), reader.retryMaxMs),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for what is under way.'),
    reader.closeTimeoutMs,
  ),
}).meta({ description: 'Kafka topics, read as a member of a group. Sizes in bytes, times in ms.' })

/** `output.kafka` */
export const kafkaOutput = settings({
  ...cluster,
  topic: optional(text('Topic of all records; it must exist.')),
  topic_prefix: optional(
    text('Records go to the topic that is this before their tag; such topics must exist.'),
  ),
  summary_topic: optional(
    text('Topic of session summaries. By default as for records of the tag logneo.session.'),
  ),
  compression: optional(oneOf(KAFKA_COMPRESSIONS, 'How batches are compressed.'), writer.compression),
  max_batch_bytes: optional(
    someInteger(1024, MAX_BYTES, "Batches are kept below this; at most the topic's max.message.bytes."),
    writer.maxBatchBytes,
  ),
  retry_min_ms: optional(someInteger(1, MAX_MS, 'Wait before the first retry.'), writer.retryMinMs),
  retry_max_ms: optional(someInteger(1, MAX_MS, 'Longest wait between retries.'), writer.retryMaxMs),
  close_timeout_ms: optional(
    someInteger(0, MAX_MS, 'How long stopping waits for what is not delivered.'),
    writer.closeTimeoutMs,
  ),
}).meta({ description: 'To Kafka, as JSON keyed by session. Sizes in bytes, times in ms.' })
