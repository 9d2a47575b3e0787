import { join, resolve } from 'node:path'
import { DEFAULT_JUDGE_OPTIONS, type JudgeOptions } from '../scorer/judge.js'
import type { ScorerOptions } from '../scorer/scorer.js'
import { formatAddress, parseAddress } from '../sidecar/address.js'
import type { SidecarClientOptions } from '../sidecar/options.js'
import type { Config } from './config.js'
import { alertConfig } from './config-alerts.js'
import type { ConfigFile } from './config-schema.js'
import { MIB } from './config-sections/limits.js'
import { DEFAULT_LOG_LEVEL, DEFAULT_METRICS_ADDRESS } from './config-sections/operation.js'
import { DEFAULT_TAG_PREFIX } from './config-sections/output.js'
import type { SessionRule } from './line-rules.js'
import type { RedisStoreOptions } from './store/redis-options.js'
import type { TlsClientFiles } from './tls-files.js'

/** A checked file in the terms of the parts it configures. @param folder for relative paths */
export function toConfig(file: ConfigFile, folder: string): Config {
  const { input, output, dead_letter, metrics } = file
  const absolute = (path: string): string => resolve(folder, path)
  const orDash = (path: string): string => (path === '-' ? path : absolute(path))
  return {
    stage: {
      ...toStage(file, absolute(file.model.path)),
      ...sidecarOptions(file.model, absolute),
      ...(file.store && { store: storeOptions(file.store, absolute) }),
      ...snapshotOptions(file.state, absolute),
    },
    input: {
      ...(input.forward && { forward: socketOptions(input.forward, absolute) }),
      ...(input.http && { http: socketOptions(input.http, absolute) }),
      ...(input.files && filesInput(input.files, absolute, positionsPath(file, absolute))),
      ...(input.stdin && { stdin: input.stdin }),
      ...(input.kafka && { kafka: clusterOptions(input.kafka, absolute) }),
    },
    output: {
      ...(output.forward && { forward: socketOptions(output.forward, absolute) }),
      ...(output.elasticsearch && { elasticsearch: elasticsearchOptions(output.elasticsearch, absolute) }),
      ...(output.ndjson && { ndjson: { path: orDash(output.ndjson.path) } }),
      ...(output.kafka && { kafka: clusterOptions(output.kafka, absolute) }),
      tagPrefix: output.tag_prefix ?? DEFAULT_TAG_PREFIX,
      sessionSummaries: file.detect?.session_summaries ?? true,
      ...(output.route && { route: camelKeys(output.route) }),
    },
    ...(file.line?.join && { join: camelKeys(file.line.join) }),
    ...(file.session?.reorder_ms && { reorderMs: file.session.reorder_ms }),
    ...(dead_letter && { deadLetter: { ...camelKeys(dead_letter), path: absolute(dead_letter.path) } }),
    ...statePath(file, absolute),
    learn: learnOptions(file.model),
    ...(file.feedback && { feedback: file.feedback }),
    ...(file.persist && { history: historyOptions(file.persist, file, absolute) }),
    ...(file.alerts && { alerts: alertConfig(file.alerts, absolute) }),
    ...(metrics && { metrics: { ...DEFAULT_METRICS_ADDRESS, ...metrics } }),
    log: { level: file.log?.level ?? DEFAULT_LOG_LEVEL },
  }
}

/** Files are read once or followed. @param positions file for how far they were followed */
function filesInput(
  { follow, paths, tag, ...settings }: NonNullable<ConfigFile['input']['files']>,
  absolute: (path: string) => string,
  positions: string,
): Pick<Config['input'], 'files' | 'follow'> {
  const files = { paths: paths.map(absolute), tag }
  return follow === true ? { follow: { ...files, ...camelKeys(settings), positions } } : { files }
}

/** In the folder for what is learnt while running, or where that would be. */
function positionsPath({ state, model }: ConfigFile, absolute: (path: string) => string): string {
  return resolve(absolute(state?.path ?? `${model.path}.state`), 'positions.json')
}

function toStage(
  { line, session = {}, detect = {}, scorer, model: how }: ConfigFile,
  model: string,
): Config['stage'] {
  const { idle_timeout_seconds, end, max_sessions, disorder_seconds } = session
  const rule = sessionRule(session)
  return {
    model,
    detect: judgeOptions(detect),
    rules: {
      ...(line?.format !== undefined && { format: line.format }),
      ...(rule && { session: rule }),
      ...(idle_timeout_seconds !== undefined && { idleTimeoutSeconds: idle_timeout_seconds }),
      ...(end !== undefined && { endPattern: end }),
    },
    ...(line?.field !== undefined && { lineFields: [line.field].flat() }),
    ...(detect.fields && { fields: detect.fields }),
    ...(max_sessions !== undefined && { maxSessions: max_sessions }),
    ...(disorder_seconds !== undefined && { disorderMs: disorder_seconds * 1000 }),
    scorer: scorerOptions(how, scorer),
    ...adoptOptions(detect),
  }
}

function adoptOptions({ adopt }: NonNullable<ConfigFile['detect']>): Pick<Config['stage'], 'adopt'> {
  if (adopt === undefined || !adopt.enabled) return {}
  const { enabled: _, ...options } = adopt
  return { adopt: options }
}

/** As set, else beside the model where something needs it. */
function statePath(
  { state, model: { path, retrain }, detect, feedback }: ConfigFile,
  absolute: (path: string) => string,
): Pick<Config, 'state'> {
  if (state !== undefined) return { state: absolute(state.path) }
  const isRetraining = retrain?.on_drift === true || retrain?.every_hours !== undefined
  const isNeeded = detect?.adopt?.enabled === true || feedback !== undefined || isRetraining
  return isNeeded ? { state: `${absolute(path)}.state` } : {}
}

function historyOptions(
  { postgres, embedded, archive, ...others }: NonNullable<ConfigFile['persist']>,
  file: ConfigFile,
  absolute: (path: string) => string,
): NonNullable<Config['history']> {
  const state = statePath(file, absolute).state ?? `${absolute(file.model.path)}.state`
  const folder = embedded === undefined ? join(state, 'history') : absolute(embedded.path)
  return {
    ...camelKeys(others),
    ...(archive !== undefined && { archive: absolute(archive) }),
    place: postgres
      ? { kind: 'postgres', url: postgres.url, ...(postgres.tls && { caFile: absolute(postgres.tls.ca) }) }
      : { kind: 'embedded', folder },
  }
}

function learnOptions({ learn = {}, retrain = {} }: ConfigFile['model']): Config['learn'] {
  const { enabled = true, sessions, new_templates, buffer_mb } = learn
  return {
    mayLearn: enabled,
    ...(sessions !== undefined && { sessions }),
    ...(new_templates !== undefined && { newTemplates: new_templates }),
    ...(buffer_mb !== undefined && { bufferBytes: buffer_mb * MIB }),
    ...camelKeys(retrain),
  }
}

function scorerOptions(
  { path: _, learn: __, retrain: ___, sidecar: ____, ...device }: ConfigFile['model'],
  scorer: ConfigFile['scorer'],
): ScorerOptions {
  return {
    ...camelKeys(device),
    ...(scorer?.cache_mb !== undefined && { cacheBytes: scorer.cache_mb * MIB }),
  }
}

function sidecarOptions(
  { sidecar }: ConfigFile['model'],
  absolute: (path: string) => string,
): { sidecar?: SidecarClientOptions } {
  if (sidecar === undefined) return {}
  const address = parseAddress(sidecar.address)!
  const isUnix = address.kind === 'unix'
  return {
    sidecar: {
      ...camelKeys(sidecar),
      address: formatAddress(isUnix ? { ...address, path: absolute(address.path) } : address),
    },
  }
}

function storeOptions(
  {
    kind: _,
    tls,
    cluster,
    remember_chunks_seconds,
    expire_seconds,
    ...same
  }: NonNullable<ConfigFile['store']>,
  absolute: (path: string) => string,
): RedisStoreOptions {
  return {
    ...camelKeys(same),
    ...(tls && { tls: mapValues(tls, absolute) }),
    ...(cluster !== undefined && { isCluster: cluster }),
    ...(remember_chunks_seconds !== undefined && {
      rememberChunksMs: Math.round(remember_chunks_seconds * 1000),
    }),
    ...(expire_seconds !== undefined && { expireMs: Math.round(expire_seconds * 1000) }),
  }
}

/** File of open sessions in the folder of state. */
const SESSIONS_FILE = 'sessions.snapshot'

function snapshotOptions(
  state: ConfigFile['state'],
  absolute: (path: string) => string,
): Pick<Config['stage'], 'snapshot'> {
  if (state?.sessions !== true) return {}
  const { path, sessions_seconds } = state
  return {
    snapshot: {
      path: join(absolute(path), SESSIONS_FILE),
      ...(sessions_seconds !== undefined && { everyMs: sessions_seconds * 1000 }),
    },
  }
}

function mapValues<T extends Readonly<Record<string, string>>>(map: T, to: (value: string) => string): T {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, to(value)])) as T
}

function sessionRule({ regex, field, window }: NonNullable<ConfigFile['session']>): SessionRule | undefined {
  if (window === undefined) return groupRule(regex, field)
  const { seconds, step = seconds, by } = window
  const group = by && groupRule(by.regex, by.field)
  return { kind: 'window', seconds, stepSeconds: step, ...(group && { by: group }) }
}

function groupRule(regex: string | undefined, field: string | undefined) {
  if (regex !== undefined) return { kind: 'regex', pattern: regex } as const
  return field === undefined ? undefined : ({ kind: 'field', path: field } as const)
}

/** As on the command line, K without a list of detectors adds the detector top-k. */
function judgeOptions({
  false_alarm_rate,
  detectors,
  top_k,
}: NonNullable<ConfigFile['detect']>): JudgeOptions {
  const chosen =
    detectors ?? (top_k === undefined ? undefined : [...DEFAULT_JUDGE_OPTIONS.detectors, 'top-k' as const])
  return {
    ...(false_alarm_rate !== undefined && { falseAlarmRate: false_alarm_rate }),
    ...(chosen && { detectors: chosen }),
    ...(top_k !== undefined && { topK: typeof top_k === 'number' && top_k < 1 ? { ratio: top_k } : top_k }),
  }
}

function elasticsearchOptions(
  { api_key, username, password, tls, ...others }: NonNullable<ConfigFile['output']['elasticsearch']>,
  absolute: (path: string) => string,
): NonNullable<Config['output']['elasticsearch']> {
  return {
    ...camelKeys(others),
    ...(api_key !== undefined && { auth: { apiKey: api_key } }),
    ...(username !== undefined && { auth: { username, password: password! } }),
    ...(tls && { caFile: absolute(tls.ca) }),
  }
}

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
type CamelKeys<T> = { [K in keyof T as Camel<K & string>]: T[K] }

function camelKeys<T extends object>(settings: T): CamelKeys<T> {
  const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [camel(name), value]),
  ) as CamelKeys<T>
}

interface SocketSettings {
  path?: string
  tls?: object
}

/** Names of settings of `tls` that are paths. */
const TLS_PATHS = ['cert', 'key', 'ca'] as const

function socketOptions<T extends SocketSettings>(
  settings: T,
  absolute: (path: string) => string,
): Omit<CamelKeys<T>, 'tls'> & { tls?: CamelKeys<NonNullable<T['tls']>> } {
  const { path, tls, ...others } = settings
  return {
    ...(camelKeys(others) as unknown as Omit<CamelKeys<T>, 'tls'>),
    ...(path !== undefined && { path: absolute(path) }),
    ...(tls && { tls: tlsOptions(tls as NonNullable<T['tls']>, absolute) }),
  }
}

function tlsOptions<T extends object>(settings: T, absolute: (path: string) => string): CamelKeys<T> {
  const files = settings as Partial<Record<string, string>>
  const paths = TLS_PATHS.flatMap(name => (files[name] === undefined ? [] : [[name, absolute(files[name])]]))
  return camelKeys({ ...settings, ...Object.fromEntries(paths) })
}

interface ClusterSettings {
  tls?: { ca?: string; cert?: string; key?: string; server_name?: string; verify?: boolean }
}

/** The settings of `tls` have paths in them. */
function clusterOptions<T extends ClusterSettings>(
  { tls, ...settings }: T,
  absolute: (path: string) => string,
): CamelKeys<Omit<T, 'tls'>> & { tls?: TlsClientFiles } {
  return { ...camelKeys(settings), ...(tls && { tls: tlsOptions(tls, absolute) }) }
}
