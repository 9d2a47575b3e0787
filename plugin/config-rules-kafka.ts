import type { Get, Report } from './config-rules.js'
import { DEFAULT_KAFKA_INPUT_OPTIONS } from './input/kafka-options.js'

/** Rules of `input.kafka` and `output.kafka`. */
export function kafka(get: Get, report: Report): void {
  topics(get, report)
  transactions(get, report)
  keptSessions(get, report)
  const { heartbeatMs, sessionTimeoutMs } = DEFAULT_KAFKA_INPUT_OPTIONS
  const beat = get('input.kafka.heartbeat_ms') ?? heartbeatMs
  const session = get('input.kafka.session_timeout_ms') ?? sessionTimeoutMs
  if (typeof beat === 'number' && typeof session === 'number' && beat >= session)
    report(
      get('input.kafka.heartbeat_ms') === undefined
        ? 'input.kafka.session_timeout_ms'
        : 'input.kafka.heartbeat_ms',
      `lets a member be taken for dead between two heartbeats (${beat} ms, ${session} ms): keep the heartbeat at a third or less`,
    )
}

function topics(get: Get, report: Report): void {
  const fixed = get('output.kafka.topic')
  const prefix = get('output.kafka.topic_prefix')
  if (get('output.kafka') !== undefined && (fixed === undefined) === (prefix === undefined))
    report('output.kafka', 'must have either topic or topic_prefix: give one')
  const sources = get('input.kafka.topics')
  if (!Array.isArray(sources) || !isSameCluster(get)) return
  for (const name of ['topic', 'summary_topic']) {
    const target = get(`output.kafka.${name}`)
    if (sources.includes(target))
      report(
        `output.kafka.${name}`,
        'is also read by input.kafka, a loop that multiplies records: write to another topic',
      )
  }
}

function transactions(get: Get, report: Report): void {
  if (get('input.kafka.transactions') !== true) return
  if (get('output.kafka') === undefined)
    report(
      'input.kafka.transactions',
      'needs output.kafka, whose records are written in them: add it or remove this',
    )
  else if (!isSameCluster(get))
    report('input.kafka.transactions', 'needs input and output on one cluster: give both the same brokers')
}

/** While a stage is away another replica may go on with its partitions: what it kept of their sessions would be out of date. */
function keptSessions(get: Get, report: Report): void {
  if (get('input.kafka') === undefined || get('store') !== undefined) return
  if (get('state.sessions') === true)
    report(
      'state.sessions',
      'keeps sessions of partitions that another replica may go on with: remove it, or add store, where sessions follow their partition',
    )
}

/** Whether both name a broker in common. */
function isSameCluster(get: Get): boolean {
  const [from, to] = [get('input.kafka.brokers'), get('output.kafka.brokers')]
  return Array.isArray(from) && Array.isArray(to) && from.some(broker => to.includes(broker))
}
