import { type Bundle, readBundle } from '../../scorer/bundle.js'
import { BundleError } from '../../scorer/errors.js'
import { DEFAULT_JUDGE_OPTIONS, defaultFalseAlarmRate, type JudgeOptions } from '../../scorer/judge.js'
import { DEFAULT_SCORER_OPTIONS } from '../../scorer/scorer.js'
import { DEFAULT_ALERT_OPTIONS } from '../alerts/options.js'
import { type Config, loadConfig } from '../config.js'
import { inspectEnvironment } from '../config-environment.js'
import type { Environment } from '../config-secrets.js'
import { ConfigError } from '../errors.js'
import { DEFAULT_HISTORY_OPTIONS } from '../history/options.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS } from '../input/forward-options.js'
import { DEFAULT_HTTP_INPUT_OPTIONS } from '../input/http-options.js'
import type { KafkaInputOptions } from '../input/kafka-options.js'
import { DEFAULT_SESSION_RULE, type LineRules, lineRulesSchema, type SessionRule } from '../line-rules.js'
import { isNothingAt } from '../model.js'
import { DEFAULT_ELASTICSEARCH_OPTIONS } from '../output/elasticsearch-options.js'
import { DEFAULT_FORWARD_OUTPUT_OPTIONS } from '../output/forward-options.js'
import { percent } from '../report/html.js'
import { DEFAULT_REDIS_STORE_OPTIONS } from '../store/redis-options.js'
import { probeApart } from './probe-apart.js'

export interface CheckOptions {
  /** For `${NAME}` in the config. Default `process.env`. */
  readonly environment?: Environment
  /** Takes the summary. Default standard output. */
  readonly print?: (text: string) => void
  /** Takes problems and notes, a line each. Default standard error. */
  readonly complain?: (text: string) => void
}

const CORRECT = 0
const WRONG = 2

/**
 * `logneo check`: every problem of a config file, its model and what it needs of the machine, or a summary of what would run.
 *
 * @returns the exit code: 0 when it would run, 2 when something is wrong
 */
export async function check(path: string, options: CheckOptions = {}): Promise<number> {
  const {
    environment = process.env,
    print = text => process.stdout.write(text),
    complain = text => process.stderr.write(`${text}\n`),
  } = options
  try {
    const config = await loadConfig(path, environment)
    const [model, device, { problems, notes }] = await Promise.all([
      examineModel(config),
      examineProvider(config),
      inspectEnvironment(config),
    ])
    const all = [...(typeof model === 'string' ? [model] : []), ...device, ...problems]
    if (all.length > 0 || typeof model === 'string') throw new ConfigError(all)
    print(summarize(path, config, model))
    if (model.bundle === undefined)
      complain(
        `${path}: note: there is no model at ${config.stage.model}: is the path right? Else one is learnt from the stream`,
      )
    for (const note of notes) complain(`${path}: note: ${note}`)
    return CORRECT
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) complain(`${path}: ${problem}`)
    return WRONG
  }
}

interface Examined {
  /** Undefined where it is yet to be learnt. */
  readonly bundle: Bundle | undefined
  readonly rules: Pick<LineRules, 'session'> & Partial<LineRules>
}

/** The model and the rules for lines in it, or what is wrong with it. */
async function examineModel({ stage, learn }: Config): Promise<Examined | string> {
  if (learn.mayLearn && (await isNothingAt(stage.model)))
    return { bundle: undefined, rules: { session: DEFAULT_SESSION_RULE, ...stage.rules } }
  try {
    const bundle = await readBundle(stage.model)
    const rules = lineRulesSchema.safeParse(bundle.extras.preprocessing)
    if (rules.success) return { bundle, rules: { ...rules.data, ...stage.rules } }
    return `model.path: the model at ${stage.model} was not trained on raw lines: train one with logneo train --input FILE`
  } catch (error) {
    if (error instanceof BundleError) return `model.path: ${error.message}`
    throw error
  }
}

function describeDetection(options: JudgeOptions, bundle: Bundle | undefined): string {
  const { falseAlarmRate, detectors } = { ...DEFAULT_JUDGE_OPTIONS, ...options }
  const rate = falseAlarmRate ?? (bundle && defaultFalseAlarmRate(bundle))
  const alarms = rate === undefined ? '' : `; ${percent(rate)} of normal sessions flagged`
  return `${detectors.join(', ')}${alarms}`
}

async function examineProvider({ stage }: Config): Promise<string[]> {
  const { provider } = { ...DEFAULT_SCORER_OPTIONS, ...stage.scorer }
  const failure = provider === 'cpu' ? undefined : await probeApart(provider)
  return failure === undefined ? [] : [`model.provider: ${failure.problem}`]
}

function summarize(path: string, config: Config, { bundle, rules }: Examined): string {
  const { stage, input, output, deadLetter, history, alerts, metrics, log } = config
  const { provider, precision } = { ...DEFAULT_SCORER_OPTIONS, ...stage.scorer }
  const runner =
    stage.sidecar === undefined
      ? `on ${provider} in ${precision}`
      : `on the sidecar at ${stage.sidecar.address}`
  const own = stage.rules.session === undefined ? 'as in the model' : 'not as in the model'
  const rows: (readonly [string, string])[] = [
    [
      'model',
      bundle === undefined
        ? `none at ${stage.model}: it would learn one from the stream`
        : `${bundle.id}, ${bundle.vocabulary.keys.length} templates (${stage.model}), ${runner}`,
    ],
    [
      'lines',
      `${stage.lineFields === undefined ? '' : `in ${stage.lineFields.join(' or ')}, `}format ${rules.format ?? 'recognised from the first lines'}`,
    ],
    ['sessions', `${describeRule(rules.session)}${bundle === undefined ? '' : ` (${own})`}`],
    ...describeStore(stage),
    ['detection', describeDetection(stage.detect, bundle)],
    ...describeInputs(input),
    ...describeOutputs(output),
    [
      'tags',
      `${output.tagPrefix}*${output.sessionSummaries ? ', summaries of sessions logneo.session' : ''}`,
    ],
    ...(deadLetter === undefined ? [] : [['dead letters', deadLetter.path] as const]),
    ...(history === undefined ? [] : [['history', describeHistory(history)] as const]),
    ...(alerts === undefined ? [] : [['alerts', describeAlerts(alerts)] as const]),
    ['metrics', metrics === undefined ? 'none' : `http://${hostPort(metrics.host, metrics.port)}/metrics`],
    ['log', log.level],
  ]
  return `${path} is correct. It would run:\n${rows.map(([name, text]) => `  ${name.padEnd(13)}${text}\n`).join('')}`
}

function describeRule(rule: SessionRule): string {
  if (rule.kind === 'regex') return `by the pattern ${rule.pattern}`
  if (rule.kind === 'field') return `by the field ${rule.path}`
  const { seconds, stepSeconds, by } = rule
  return `windows of ${seconds} s every ${stepSeconds} s${by === undefined ? '' : `, each ${describeRule(by)}`}`
}

function describeStore({ store, snapshot }: Config['stage']): [string, string][] {
  if (snapshot !== undefined) return [['kept', `sessions in ${snapshot.path}`]]
  if (store === undefined) return []
  const { url, whenAway } = { ...DEFAULT_REDIS_STORE_OPTIONS, ...store }
  const then =
    whenAway === 'wait' ? 'chunks wait while it is away' : 'lines are judged without it while it is away'
  return [['shared', `sessions in Redis at ${url.startsWith('/') ? url : new URL(url).host}; ${then}`]]
}

function describeInputs({ forward, http, files, follow, stdin, kafka }: Config['input']): [string, string][] {
  const { host, port, path } = { ...DEFAULT_FORWARD_SERVER_OPTIONS, ...forward }
  return [
    ...(forward === undefined
      ? []
      : [['input', `forward on ${path ?? hostPort(host, port)}`] as [string, string]]),
    ...(http === undefined
      ? []
      : [
          [
            'input',
            `http on ${hostPort(http.host ?? DEFAULT_HTTP_INPUT_OPTIONS.host, http.port ?? DEFAULT_HTTP_INPUT_OPTIONS.port)}`,
          ] as [string, string],
        ]),
    ...(files === undefined
      ? []
      : [['input', `${files.paths.join(', ')}, tag ${files.tag}`] as [string, string]]),
    ...(follow === undefined
      ? []
      : [['input', `following ${follow.paths.join(', ')}, tag ${follow.tag}`] as [string, string]]),
    ...(stdin === undefined ? [] : [['input', `standard input, tag ${stdin.tag}`] as [string, string]]),
    ...(kafka === undefined ? [] : [['input', describeKafkaInput(kafka)] as [string, string]]),
  ]
}

function describeOutputs({ forward, elasticsearch, ndjson, kafka }: Config['output']): [string, string][] {
  const { host, port, path, requireAck } = { ...DEFAULT_FORWARD_OUTPUT_OPTIONS, ...forward }
  const acks = requireAck ? 'acknowledged' : 'not acknowledged'
  const target = ndjson?.path === '-' ? 'standard output' : ndjson?.path
  return [
    ...(forward === undefined
      ? []
      : [['output', `forward to ${path ?? hostPort(host, port)}, ${acks}`] as [string, string]]),
    ...(elasticsearch === undefined
      ? []
      : [['output', describeElasticsearch(elasticsearch)] as [string, string]]),
    ...(target === undefined ? [] : [['output', `JSON lines to ${target}`] as [string, string]]),
    ...(kafka === undefined
      ? []
      : [
          [
            'output',
            `Kafka topic ${kafka.topic ?? `${kafka.topicPrefix}*`} on ${kafka.brokers.join(', ')}`,
          ] as [string, string],
        ]),
  ]
}

function describeHistory({ place, retentionDays, archive }: NonNullable<Config['history']>): string {
  const where = place.kind === 'postgres' ? new URL(place.url).host : place.folder
  const days = retentionDays ?? DEFAULT_HISTORY_OPTIONS.retentionDays
  return `${place.kind} at ${where}, ${days} days, then ${archive === undefined ? 'deleted' : `archived in ${archive}`}`
}

function describeAlerts({ channels, options }: NonNullable<Config['alerts']>): string {
  const { minSeverity, maxPerHour, quietHours } = { ...DEFAULT_ALERT_OPTIONS, ...options }
  const quiet = quietHours === undefined ? '' : `, quiet from ${quietHours.from} to ${quietHours.to}`
  return `to ${Object.keys(channels).join(', ')}, severity ${minSeverity} or worse, at most ${maxPerHour} an hour${quiet}`
}

function describeElasticsearch(given: NonNullable<Config['output']['elasticsearch']>): string {
  const { urls, dataStream, sessionDataStream, auth } = { ...DEFAULT_ELASTICSEARCH_OPTIONS, ...given }
  const who = auth === undefined ? 'nobody' : 'apiKey' in auth ? 'an API key' : auth.username
  return `elasticsearch at ${urls.join(', ')} as ${who}, data streams ${dataStream} and ${sessionDataStream}`
}

function describeKafkaInput({ topics, brokers, group, transactions }: KafkaInputOptions): string {
  const how = transactions === true ? 'exactly once' : 'at least once'
  return `Kafka topics ${topics.join(', ')} on ${brokers.join(', ')} as ${group}, ${how}`
}

const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
