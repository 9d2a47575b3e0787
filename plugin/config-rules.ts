import { HeaderFormat } from '../drain/header/header-format.js'
import { LinearRegex } from '../drain/regex/linear-regex.js'
import type { Problem } from './config-problems.js'
import { routes } from './config-route-rules.js'
import { kafka } from './config-rules-kafka.js'
import { DEFAULT_METRICS_ADDRESS } from './config-sections/operation.js'
import { DEFAULT_TAG_PREFIX } from './config-sections/output.js'
import { SECURITY_RULES } from './config-security-rules.js'
import { valueAt } from './config-source.js'
import { DEFAULT_FORWARD_SERVER_OPTIONS } from './input/forward-options.js'
import { DEFAULT_HTTP_INPUT_OPTIONS } from './input/http-options.js'
import { DEFAULT_ELASTICSEARCH_OPTIONS } from './output/elasticsearch-options.js'
import { DEFAULT_FORWARD_OUTPUT_OPTIONS } from './output/forward-options.js'

/** The value at a dotted path of the config, whatever it is; undefined where there is none. */
export type Get = (name: string) => unknown
export type Report = (name: string, text: string) => void

/** Rules that look at several settings. They read single values, so that they also speak when other settings are wrong. */
export function checkRules(data: unknown): Problem[] {
  const problems: Problem[] = []
  const get: Get = name => valueAt(data, name.split('.'))
  const report: Report = (name, text) => problems.push({ path: name.split('.'), text: `${name} ${text}` })
  for (const rule of [
    needsSections,
    addresses,
    sockets,
    elasticsearch,
    persist,
    alerts,
    loops,
    tags,
    sessions,
    patterns,
    detection,
    sidecarAlone,
    sharedSessions,
    files,
    followed,
    feedback,
    kafka,
    routes,
    ...SECURITY_RULES,
  ])
    rule(get, report)
  return problems
}

function needsSections(get: Get, report: Report): void {
  if (get('input.files') !== undefined && get('input.stdin') !== undefined)
    report('input.stdin', 'cannot be set together with input.files: keep one of the two')
  for (const [section, names] of [
    ['input', ['forward', 'http', 'files', 'stdin', 'kafka']],
    ['output', ['forward', 'elasticsearch', 'ndjson', 'kafka']],
  ] as const) {
    const isEmpty = isMap(get(section)) && names.every(name => get(`${section}.${name}`) === undefined)
    if (isEmpty) report(section, `is empty: give it at least one of ${names.join(', ')}`)
  }
}

const isMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function sockets(get: Get, report: Report): void {
  for (const section of ['input.forward', 'output.forward']) {
    const hasAddress = get(`${section}.host`) !== undefined || get(`${section}.port`) !== undefined
    if (hasAddress && get(`${section}.path`) !== undefined)
      report(`${section}.path`, 'cannot be set together with host or port: keep one of the two')
  }
  const least = get('output.forward.retry_min_ms') ?? DEFAULT_FORWARD_OUTPUT_OPTIONS.retryMinMs
  const most = get('output.forward.retry_max_ms') ?? DEFAULT_FORWARD_OUTPUT_OPTIONS.retryMaxMs
  if (isOver(least, most)) {
    const wrong = get('output.forward.retry_min_ms') === undefined ? 'retry_max_ms' : 'retry_min_ms'
    report(
      `output.forward.${wrong}`,
      `makes the shortest wait (${least} ms) longer than the longest (${most} ms): change retry_min_ms or retry_max_ms`,
    )
  }
}

function elasticsearch(get: Get, report: Report): void {
  const at = 'output.elasticsearch'
  const has = (name: string): boolean => get(`${at}.${name}`) !== undefined
  if (has('api_key') && (has('username') || has('password')))
    report(`${at}.api_key`, 'cannot be set together with username or password: keep one of the two')
  else if (has('username') !== has('password'))
    report(at, 'has only one of username and password: set both, or api_key instead')
  const least = get(`${at}.retry_min_ms`) ?? DEFAULT_ELASTICSEARCH_OPTIONS.retryMinMs
  const most = get(`${at}.retry_max_ms`) ?? DEFAULT_ELASTICSEARCH_OPTIONS.retryMaxMs
  if (isOver(least, most))
    report(at, `has retry_min_ms (${least}) over retry_max_ms (${most}): change one of them`)
}

function persist(get: Get, report: Report): void {
  if (get('persist.postgres') !== undefined && get('persist.embedded') !== undefined)
    report('persist.embedded', 'cannot be set together with persist.postgres: keep one of the two')
}

function alerts(get: Get, report: Report): void {
  const channels = ['slack', 'email', 'webhook']
  if (isMap(get('alerts')) && channels.every(name => get(`alerts.${name}`) === undefined))
    report('alerts', `tells nobody: give it at least one of ${channels.join(', ')}`)
  if ((get('alerts.email.username') === undefined) !== (get('alerts.email.password') === undefined))
    report('alerts.email', 'has only one of username and password: set both, or none')
}

const isOver = (a: unknown, b: unknown): boolean => typeof a === 'number' && typeof b === 'number' && a > b

interface Address {
  readonly host: string
  readonly port: unknown
}

function addressOf(get: Get, section: string, defaults: Address): Address | undefined {
  if (!isMap(get(section)) || get(`${section}.path`) !== undefined) return undefined
  return {
    host: String(get(`${section}.host`) ?? defaults.host),
    port: get(`${section}.port`) ?? defaults.port,
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1'])
const ANY = new Set(['0.0.0.0', '::'])

/** Whether a connection to `to` reaches who listens on `on`, as far as names tell. */
function reaches(to: Address, on: Address): boolean {
  if (to.port !== on.port || to.port === 0) return false
  const isHere = LOOPBACK.has(to.host) || ANY.has(to.host)
  return to.host === on.host || (isHere && (LOOPBACK.has(on.host) || ANY.has(on.host)))
}

function loops(get: Get, report: Report): void {
  const from = addressOf(get, 'input.forward', DEFAULT_FORWARD_SERVER_OPTIONS)
  const to = addressOf(get, 'output.forward', DEFAULT_FORWARD_OUTPUT_OPTIONS)
  const path = get('output.forward.path')
  const isSameSocket = path !== undefined && path === get('input.forward.path')
  if (isSameSocket || (from && to && reaches(to, from))) {
    report(
      'output.forward',
      'sends to input.forward, a loop that multiplies records: set the address of the receiver',
    )
  }
}

function addresses(get: Get, report: Report): void {
  const input = addressOf(get, 'input.forward', DEFAULT_FORWARD_SERVER_OPTIONS)
  const metrics = addressOf(get, 'metrics', DEFAULT_METRICS_ADDRESS)
  if (input && metrics && reaches(metrics, input))
    report('metrics.port', `is also that of input.forward (${String(metrics.port)}): choose another`)
  const http = addressOf(get, 'input.http', DEFAULT_HTTP_INPUT_OPTIONS)
  for (const [name, other] of [
    ['input.forward', input],
    ['metrics', metrics],
  ] as const)
    if (http && other && reaches(http, other))
      report('input.http.port', `is also that of ${name} (${String(http.port)}): choose another`)
}

function feedback(get: Get, report: Report): void {
  if (get('feedback') !== undefined && get('metrics') === undefined)
    report('feedback', 'is served where metrics is, which is missing: add metrics, or remove feedback')
}

function tags(get: Get, report: Report): void {
  const prefix = get('output.tag_prefix') ?? DEFAULT_TAG_PREFIX
  if (typeof prefix !== 'string' || prefix === '') return
  for (const name of ['input.files.tag', 'input.stdin.tag', 'input.http.tag', 'input.kafka.tag']) {
    const tag = get(name)
    if (typeof tag === 'string' && tag.startsWith(prefix))
      report(
        name,
        `must not begin with output.tag_prefix (${prefix}), which marks our own output: use raw.${tag.slice(prefix.length)}`,
      )
  }
}

function sessions(get: Get, report: Report): void {
  const kinds = ['regex', 'field', 'window'].filter(kind => get(`session.${kind}`) !== undefined)
  if (kinds.length > 1)
    report('session', `has ${kinds.join(' and ')}: keep one, or group windows by window.by`)
  const groups = ['regex', 'field'].filter(kind => get(`session.window.by.${kind}`) !== undefined)
  if (groups.length !== 1 && isMap(get('session.window.by')))
    report('session.window.by', 'must have either regex or field: keep one')
  const length = get('session.window.seconds')
  if (isOver(get('session.window.step'), length)) {
    report(
      'session.window.step',
      `is longer than the window (${String(length)} seconds), so lines would be in none: lower it`,
    )
  }
  if (get('session.window') === undefined) return
  for (const name of ['idle_timeout_seconds', 'end']) {
    if (get(`session.${name}`) !== undefined)
      report(`session.${name}`, 'has no effect on windows, which end by time alone: remove it')
  }
}

function patterns(get: Get, report: Report): void {
  for (const name of ['session.regex', 'session.window.by.regex', 'session.end', 'line.join.start'])
    attempt(get(name), name, report, pattern => LinearRegex.compile(pattern))
  attempt(get('line.format'), 'line.format', report, format => HeaderFormat.parse(format))
}

function attempt(value: unknown, name: string, report: Report, compile: (text: string) => unknown): void {
  if (typeof value !== 'string' || value === '') return
  try {
    compile(value)
  } catch (error) {
    report(name, `cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function detection(get: Get, report: Report): void {
  const detectors = get('detect.detectors')
  if (get('detect.top_k') !== undefined && Array.isArray(detectors) && !detectors.includes('top-k'))
    report('detect.top_k', 'has no effect without its detector: add top-k to detect.detectors')
}

/** What says how a model runs belongs where it runs. */
function sidecarAlone(get: Get, report: Report): void {
  if (get('model.sidecar') === undefined) return
  for (const name of ['precision', 'provider', 'device_id', 'threads'])
    if (get(`model.${name}`) !== undefined)
      report(`model.${name}`, `has no effect with model.sidecar: remove it and give it to logneo sidecar`)
}

function followed(get: Get, report: Report): void {
  if (get('input.files.follow') === true) return
  for (const name of ['start_at', 'poll_ms', 'rotate_wait_ms', 'max_line_bytes'])
    if (get(`input.files.${name}`) !== undefined)
      report(`input.files.${name}`, 'has no effect on files that are read once: set follow, or remove it')
}

function sharedSessions(get: Get, report: Report): void {
  if (get('store') === undefined) return
  if (get('state.sessions') === true)
    report('state.sessions', 'has no effect with store, where sessions outlive the stage anyhow: remove it')
  const url = get('store.url')
  if (get('store.cluster') === true && typeof url === 'string' && url.startsWith('/'))
    report('store.cluster', 'needs nodes to reach by TCP: give store.url as redis://HOST:PORT')
  const detectors = get('detect.detectors')
  if (Array.isArray(detectors) && detectors.includes('time-gap'))
    report(
      'detect.detectors',
      'has time-gap, which times lines by the clock of one stage: leave it out, or remove store',
    )
  if (isOver(get('session.idle_timeout_seconds'), get('store.expire_seconds')))
    report(
      'store.expire_seconds',
      'is shorter than session.idle_timeout_seconds, so sessions would be dropped before they end: raise it',
    )
}

function files(get: Get, report: Report): void {
  const target = get('output.ndjson.path')
  if (typeof target !== 'string' || target === '-') return
  const sources = get('input.files.paths')
  if (Array.isArray(sources) && sources.includes(target))
    report('output.ndjson.path', 'is also read by input.files, which would never end: write to another file')
  if (target === get('dead_letter.path'))
    report('dead_letter.path', 'is also the file of output.ndjson: choose another')
}
