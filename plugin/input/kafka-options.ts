import {
  checkOptions,
  isBoolean,
  isInteger,
  isPresent,
  isText,
  type OptionRule,
  withDefaults,
} from '../check-options.js'
import {
  DEFAULT_KAFKA_CONNECTION_OPTIONS,
  KAFKA_CONNECTION_RULES,
  type KafkaConnectionOptions,
  type ResolvedKafkaConnectionOptions,
} from '../kafka/connection.js'
import { KAFKA_VALUE_FORMATS, type KafkaValueFormat } from './kafka-values.js'

/** Settings of a `KafkaInput`. All sizes are in bytes, all times in milliseconds. */
export interface KafkaInputOptions extends KafkaConnectionOptions {
  /** Topics to read. A session stays on one replica only where the topic is keyed by it. */
  readonly topics: readonly string[]
  /** Consumer group: its members, the replicas, share the partitions. */
  readonly group: string
  /** Tag of the records. Default: `kafka.` and the topic. */
  readonly tag?: string
  /** What values are. Default `auto`: JSON objects, msgpack maps and, for all else, lines of text. */
  readonly format?: KafkaValueFormat
  /** Record field that takes the message's key. Default: none does. */
  readonly keyField?: string
  /** Where a group begins that has not read a partition before: at its beginning, else at what comes next. Default true. */
  readonly fromBeginning?: boolean
  /**
   * Whether each chunk's deliveries to the Kafka output and the group's offset are one transaction, so that readers of committed records see each
   * record's verdict once. Default false: offsets are committed after delivery, and after a failure some records come twice.
   */
  readonly transactions?: boolean
  /** After how long the broker aborts a transaction that nobody ends. Default 60,000. */
  readonly transactionTimeoutMs?: number
  /** Records that are judged and delivered together, at most. Default 1,000. */
  readonly maxChunkRecords?: number
  /** Most that one answer of a broker holds, over all partitions; reading goes on when it is delivered. Default 8 MiB. */
  readonly maxInFlightBytes?: number
  /** As `maxInFlightBytes`, for one partition. Default 1 MiB. */
  readonly maxPartitionBytes?: number
  /** How long the group waits for a silent member before others take its partitions. Default 10,000. */
  readonly sessionTimeoutMs?: number
  /** How often a member tells that it is there. Default 1,000. */
  readonly heartbeatMs?: number
  /** How long a member may take to finish what it has under way when partitions move. Default 30,000. */
  readonly rebalanceTimeoutMs?: number
  /** Wait before a delivery that failed is tried again: from, and up to. Default 100 and 5,000. */
  readonly retryMinMs?: number
  readonly retryMaxMs?: number
  /** How long `close` waits for what is under way. Default 30,000. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
}

export type ResolvedKafkaInputOptions = ResolvedKafkaConnectionOptions &
  Required<Omit<KafkaInputOptions, 'tag' | 'keyField' | 'tls' | 'sasl'>> &
  Pick<KafkaInputOptions, 'tag' | 'keyField'>

const MiB = 1024 * 1024

export const DEFAULT_KAFKA_INPUT_OPTIONS = Object.freeze({
  ...DEFAULT_KAFKA_CONNECTION_OPTIONS,
  format: 'auto' as KafkaValueFormat,
  fromBeginning: true,
  transactions: false,
  transactionTimeoutMs: 60_000,
  maxChunkRecords: 1000,
  maxInFlightBytes: 8 * MiB,
  maxPartitionBytes: MiB,
  sessionTimeoutMs: 10_000,
  heartbeatMs: 1000,
  rebalanceTimeoutMs: 30_000,
  retryMinMs: 100,
  retryMaxMs: 5000,
  closeTimeoutMs: 30_000,
  warn: () => {},
})

const isFormat: OptionRule = value =>
  (KAFKA_VALUE_FORMATS as readonly unknown[]).includes(value)
    ? undefined
    : `one of ${KAFKA_VALUE_FORMATS.join(', ')}`

const milliseconds = isInteger(1, 2 ** 31 - 1)
const bytes = isInteger(1, 2 ** 30)

const RULES = {
  ...KAFKA_CONNECTION_RULES,
  topics: KAFKA_CONNECTION_RULES.brokers,
  group: isText,
  tag: isText,
  format: isFormat,
  keyField: isText,
  fromBeginning: isBoolean,
  transactions: isBoolean,
  transactionTimeoutMs: milliseconds,
  maxChunkRecords: isInteger(1, 1_000_000),
  maxInFlightBytes: bytes,
  maxPartitionBytes: bytes,
  sessionTimeoutMs: milliseconds,
  heartbeatMs: milliseconds,
  rebalanceTimeoutMs: milliseconds,
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  closeTimeoutMs: isInteger(0),
  warn: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveKafkaInputOptions(given: KafkaInputOptions): ResolvedKafkaInputOptions {
  const { heartbeatMs, sessionTimeoutMs } = { ...DEFAULT_KAFKA_INPUT_OPTIONS, ...given }
  const isSlow = heartbeatMs >= sessionTimeoutMs
  checkOptions('kafka', given, RULES, isSlow ? [SLOW_HEARTBEAT] : [])
  const { brokers, topics, group } = given
  return withDefaults({ ...DEFAULT_KAFKA_INPUT_OPTIONS, brokers, topics, group }, given)
}

const SLOW_HEARTBEAT =
  'kafka.heartbeatMs must be shorter than sessionTimeoutMs: about a third of it or less, so that one lost heartbeat does no harm'
