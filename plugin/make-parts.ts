import { readFileSync } from 'node:fs'
import type { Counters } from './chunk.js'
import type { Config } from './config.js'
import { ConfigError } from './errors.js'
import { FollowInput } from './input/follow/follow.js'
import type { FollowOptions } from './input/follow/options.js'
import { HttpInput } from './input/http.js'
import type { HttpInputOptions } from './input/http-options.js'
import type { InputFactory } from './input/input.js'
import { KafkaInput } from './input/kafka.js'
import type { KafkaInputOptions } from './input/kafka-options.js'
import type { Observer } from './observer.js'
import { ElasticsearchOutput } from './output/elasticsearch.js'
import { ForwardSink } from './output/forward-sink.js'
import { KafkaSink } from './output/kafka.js'
import { NdjsonSink } from './output/ndjson-sink.js'
import type { Output } from './output/output.js'

/** The inputs that a config names, beside Forward and files. */
export function makeInputs(
  { input }: Config,
  counters: Counters,
  warn: (message: string) => void,
): InputFactory[] {
  const { http, follow, kafka } = input
  return [
    ...(http ? [httpFactory({ ...http, warn }, counters)] : []),
    ...(follow ? [followFactory({ ...follow, warn }, counters)] : []),
    ...(kafka ? [kafkaFactory({ ...kafka, warn }, counters)] : []),
  ]
}

const httpFactory =
  (options: HttpInputOptions, counters: Counters): InputFactory =>
  (take, ownTagPrefix) =>
    new HttpInput(options, take, ownTagPrefix, counters)

const followFactory =
  (options: FollowOptions, counters: Counters): InputFactory =>
  take =>
    new FollowInput(options, take, counters)

const kafkaFactory =
  (options: KafkaInputOptions, counters: Counters): InputFactory =>
  (take, _, release, settled) =>
    new KafkaInput(options, take, release, counters, settled)

/** The outputs that a config names. */
export function makeOutputs(
  { output }: Config,
  counters: Counters,
  warn: (message: string) => void,
): Output[] {
  return [
    ...(output.forward ? [new ForwardSink({ ...output.forward, warn }, counters)] : []),
    ...(output.elasticsearch ? [makeElasticsearch(output.elasticsearch, counters, warn)] : []),
    ...(output.kafka ? [new KafkaSink({ ...output.kafka, warn }, counters)] : []),
    ...(output.ndjson ? [new NdjsonSink(output.ndjson.path)] : []),
  ]
}

/** Those who are told of what is found, as the config wants them. */
export async function makeObservers(
  { history, alerts }: Config,
  counters: Counters,
  warn: (message: string) => void,
): Promise<Observer[]> {
  return Promise.all([
    ...(history ? [makeHistory(history, counters, warn)] : []),
    ...(alerts ? [makeAlerts(alerts, counters, warn)] : []),
  ])
}

async function makeHistory(
  { place, ...options }: NonNullable<Config['history']>,
  counters: Counters,
  warn: (message: string) => void,
): Promise<Observer> {
  const { openHistory } = await import('./history/open-history.js')
  return openHistory(place, { ...options, warn }, counters)
}

async function makeAlerts(
  { channels, options }: NonNullable<Config['alerts']>,
  counters: Counters,
  warn: (message: string) => void,
): Promise<Observer> {
  const { openAlerts } = await import('./alerts/open-alerts.js')
  const { email, ...others } = channels
  if (email === undefined) return openAlerts(others, { ...options, warn }, counters)
  const { caFile, ...server } = email
  const ca = caFile === undefined ? {} : { ca: readPem('alerts.email.tls.ca', caFile) }
  return openAlerts({ ...others, email: { ...server, ...ca } }, { ...options, warn }, counters)
}

function makeElasticsearch(
  { caFile, ...options }: NonNullable<Config['output']['elasticsearch']>,
  counters: Counters,
  warn: (message: string) => void,
): ElasticsearchOutput {
  const ca = caFile === undefined ? {} : { ca: readPem('output.elasticsearch.tls.ca', caFile) }
  return new ElasticsearchOutput({ ...options, ...ca, warn }, counters)
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError([`${name}: ${path} cannot be read (${code}): mend the path or its permissions`])
  }
}
