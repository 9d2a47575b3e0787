import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLineModel } from '../plugin/model.js'
import { cachedModel } from './cached-model.js'
import { DEFAULT_REPLAY, Replay, type ReplayInput } from './replay.js'
import { type Site, workOff } from './replicas/backlog-run.js'
import { runWithChanges } from './replicas/changing-run.js'
import { Cluster } from './replicas/cluster.js'
import { type Comparison, compare, flagged, numSplit } from './replicas/compare.js'
import type { Verdicts } from './replicas/verdicts.js'
import { Workload } from './replicas/workload.js'
import { KafkaBroker, kafkaMissing } from './services/kafka-broker.js'

export interface ReplicasOptions extends ReplayInput {
  /** Records in the topic. */
  readonly records: number
  /** Share of sessions that fail, 0 to 1. */
  readonly faultShare: number
  /** Records a second while replicas come and go. */
  readonly rate: number
  /** Silence after which the group gives a replica up, in milliseconds. */
  readonly sessionTimeout: number
  /** Pattern of the lines that end a session. Default: none, in the bundled recording that a client disconnects. */
  readonly end?: string
  /** A model instead of one trained on the input. */
  readonly model?: string
  /** URL of a Redis server that sessions are shared by. */
  readonly redis?: string
  /** A broker, `host:port`, instead of one of its own. */
  readonly broker?: string
}

const END_IN_RECORDING = 'disconnection: session time'
/** As brokers have it unless told otherwise: replicas that start together get their partitions together, and a broker may be busy for a while. */
const BROKER_SETTINGS = {
  'group.initial.rebalance.delay.ms': 3000,
  'broker.session.timeout.ms': 9000,
  'broker.heartbeat.interval.ms': 2000,
}
const NUM_PARTITIONS = 16
const NUM_REPLICAS = 4
/** Records sent at a time. */
const BATCH = 2000

/**
 * One Kafka topic of 16 partitions worked off by one replica and by four (Table VI of the paper: a million lines of HDFS with 4 % failures), then
 * by replicas that come, stop and are killed. `eventsPerSecond` is that of four replicas, `eventsPerSecondOfOne` that of one; `passed` says
 * that each record came out once as a reader with read_committed sees it, that one and four say the same, and with `redis` that replicas that
 * come and go do, too.
 */
export async function run(options: ReplicasOptions): Promise<Record<string, unknown>> {
  const missing = options.broker === undefined && kafkaMissing()
  if (missing) throw new Error(`${missing}, or give --broker`)
  const model = await modelOf(options)
  const replay = await Replay.open(options, model.format)
  const broker =
    options.broker === undefined ? await KafkaBroker.start(undefined, BROKER_SETTINGS) : undefined
  const address = options.broker ?? broker!.address
  const cluster = new Cluster(address, NUM_PARTITIONS)
  const folder = await mkdtemp(join(tmpdir(), 'logneo-replicas-'))
  const settings = { broker: address, model: model.path, ...replicaSettings(options) }
  try {
    await cluster.connect()
    return { model: model.id, ...(await measure({ cluster, folder, settings }, replay, options)) }
  } finally {
    await cluster.close()
    await broker?.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

function replicaSettings({ input, redis, sessionTimeout, end }: ReplicasOptions) {
  const pattern = end ?? (input === DEFAULT_REPLAY.input ? END_IN_RECORDING : undefined)
  return {
    sessionTimeoutMs: sessionTimeout,
    ...(pattern !== undefined && { end: pattern }),
    ...(redis !== undefined && { redis }),
  }
}

async function modelOf(options: ReplicasOptions) {
  if (options.model === undefined) return cachedModel(options)
  const { bundle, lines } = await readLineModel(options.model)
  return { path: options.model, id: bundle.id, format: lines.rules.format }
}

async function measure(site: Site, replay: Replay, { records, rate, faultShare, redis }: ReplicasOptions) {
  const topic = (name: string): string => `${name}-${Date.now().toString(36)}`
  const [full, live, ofOne, ofFour, ofChanging] = ['full', 'live', 'one', 'four', 'changing'].map(topic) as [
    string,
    string,
    string,
    string,
    string,
  ]
  await site.cluster.createTopics(full, live, ofOne, ofFour, ofChanging)
  const workload = new Workload(replay, { records, faultShare })
  for (const batch of workload.batches(BATCH)) await site.cluster.send(full, batch)
  const { sessions } = workload
  const backlog = { from: full, numRecords: records }
  const one = await workOff(site, { ...backlog, to: ofOne, numReplicas: 1 })
  const four = await workOff(site, { ...backlog, to: ofFour, numReplicas: NUM_REPLICAS })
  const endless = new Workload(replay, { records: Number.POSITIVE_INFINITY, faultShare })
  const changing = await runWithChanges(site, endless, { from: live, to: ofChanging, rate })
  const oneAgainstFour = compare(one.verdicts, four.verdicts, sessions)
  const againstChanging = compare(one.verdicts, changing.verdicts, sessions)
  const runs = [
    delivery('one replica', one.verdicts, records),
    delivery('four replicas', four.verdicts, records),
    delivery('replicas that come and go', changing.verdicts, changing.numRecords),
  ]
  const isSame = oneAgainstFour.sessionsThatDiffer.size === 0
  return {
    eventsPerSecond: four.eventsPerSecond,
    eventsPerSecondOfOne: one.eventsPerSecond,
    firstRecordMs: one.firstRecordMs,
    firstRecordMsOfFour: four.firstRecordMs,
    records,
    sessions: new Set(sessions).size,
    store: redis === undefined ? 'in process' : 'Redis',
    longestRecoveryMs: Math.max(...changing.changes.map(({ recoveredMs }) => recoveredMs)),
    ...flagged(four.verdicts, sessions, faultShare),
    passed:
      runs.every(({ lost, repeated, unscored }) => lost + repeated + unscored === 0) &&
      isSame &&
      (redis === undefined || againstChanging.sessionsThatDiffer.size === 0),
    runs,
    comparisons: [
      described('one and four', oneAgainstFour),
      described('one, and replicas that come and go', againstChanging),
    ],
    changes: changing.changes,
  }
}

function delivery(run: string, verdicts: Verdicts, sent: number) {
  return {
    run,
    records: sent,
    lost: sent - verdicts.numRecords,
    repeated: verdicts.numRepeated,
    unscored: verdicts.records.filter(record => record?.status !== 'scored').length,
    summaries: [...verdicts.summaries.values()].reduce((sum, { length }) => sum + length, 0),
    sessionsInPieces: numSplit(verdicts),
  }
}

function described(between: string, { sessionsThatDiffer, ...counts }: Comparison) {
  return { between, ...counts, sessionsThatDiffer: sessionsThatDiffer.size }
}
