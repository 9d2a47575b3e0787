import {
  checkOptions,
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

export const KAFKA_COMPRESSIONS = ['none', 'gzip'] as const
export type KafkaCompression = (typeof KAFKA_COMPRESSIONS)[number]

/** Settings of a `KafkaSink`: one of `topic` and `topicPrefix`. All sizes are in bytes, all times in milliseconds. */
export interface KafkaOutputOptions extends KafkaConnectionOptions {
  /** Topic of all records. It must exist. */
  readonly topic?: string
  /** Records go to the topic that is this before their tag; characters that topics cannot have become `_`. */
  readonly topicPrefix?: string
  /** Topic of session summaries. Default: as for records, whose tag is `logneo.session`. */
  readonly summaryTopic?: string
  /** How batches are compressed. Default `none`. */
  readonly compression?: KafkaCompression
  /** Batches are kept below this; a record that is larger alone is a dead letter. Default 1,000,000, just below what brokers take by default. */
  readonly maxBatchBytes?: number
  /** Wait before a batch that failed is sent again: from, and up to. Default 100 and 5,000. */
  readonly retryMinMs?: number
  readonly retryMaxMs?: number
  /** How long `close` waits for what is not delivered. Default 10,000. */
  readonly closeTimeoutMs?: number
  /** Takes one-line messages for the person who runs this. Default: none are given. */
  readonly warn?: (message: string) => void
}

export type ResolvedKafkaOutputOptions = ResolvedKafkaConnectionOptions &
  Required<Omit<KafkaOutputOptions, 'topic' | 'topicPrefix' | 'summaryTopic' | 'tls' | 'sasl'>> &
  Pick<KafkaOutputOptions, 'topic' | 'topicPrefix' | 'summaryTopic'>

export const DEFAULT_KAFKA_OUTPUT_OPTIONS = Object.freeze({
  ...DEFAULT_KAFKA_CONNECTION_OPTIONS,
  compression: 'none' as KafkaCompression,
  maxBatchBytes: 1_000_000,
  retryMinMs: 100,
  retryMaxMs: 5000,
  closeTimeoutMs: 10_000,
  warn: () => {},
})

const isCompression: OptionRule = value =>
  (KAFKA_COMPRESSIONS as readonly unknown[]).includes(value)
    ? undefined
    : `one of ${KAFKA_COMPRESSIONS.join(', ')}`

const milliseconds = isInteger(1, 2 ** 31 - 1)

const RULES = {
  ...KAFKA_CONNECTION_RULES,
  topic: isText,
  topicPrefix: isText,
  summaryTopic: isText,
  compression: isCompression,
  maxBatchBytes: isInteger(1024, 2 ** 30),
  retryMinMs: milliseconds,
  retryMaxMs: milliseconds,
  closeTimeoutMs: isInteger(0),
  warn: isPresent,
}

/** @throws ConfigError that lists every option that is wrong */
export function resolveKafkaOutputOptions(given: KafkaOutputOptions): ResolvedKafkaOutputOptions {
  const isClear = (given.topic === undefined) !== (given.topicPrefix === undefined)
  checkOptions('kafka', given, RULES, isClear ? [] : ['kafka needs either topic or topicPrefix: give one'])
  return withDefaults({ ...DEFAULT_KAFKA_OUTPUT_OPTIONS, brokers: given.brokers }, given)
}

const MAX_TOPIC_LENGTH = 249

/** Where records of a tag go. */
export function topicOf({ topic, topicPrefix }: ResolvedKafkaOutputOptions, tag: string): string {
  return topic ?? `${topicPrefix}${tag}`.replace(/[^\w.-]/g, '_').slice(0, MAX_TOPIC_LENGTH)
}
