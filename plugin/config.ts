import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { DEFAULT_JUDGE_OPTIONS, type JudgeOptions } from '../scorer/judge.js'
import type { ScorerOptions } from '../scorer/scorer.js'
import type { RecurrenceOptions } from './adopt/recurrence.js'
import { describeIssues, type Problem, settingName } from './config-problems.js'
import { checkRules, valueAt } from './config-rules.js'
import { type ConfigFile, configFileSchema } from './config-schema.js'
import { type Environment, type FilledIn, fillIn, pathKey } from './config-secrets.js'
import { DEFAULT_LOG_LEVEL, DEFAULT_METRICS_ADDRESS, type LOG_LEVELS } from './config-sections/operation.js'
import { DEFAULT_TAG_PREFIX } from './config-sections/output.js'
import { type ConfigSource, readSource, type SettingPath } from './config-source.js'
import { ConfigError } from './errors.js'
import type { ForwardServerOptions } from './input/forward-options.js'
import type { LearnerOptions } from './learn/options.js'
import type { LineRules, SessionRule } from './line-rules.js'
import type { ForwardOutputOptions } from './output/forward-options.js'
import type { FieldSet } from './verdict.js'

/** A checked config in the terms of the parts it configures. Paths are absolute; what is left out has its part's default. */
export interface Config {
  /** What `createStage` takes. */
  readonly stage: {
    readonly model: string
    readonly detect: JudgeOptions
    /** Overrides of the rules in the model. */
    readonly rules: Partial<LineRules>
    readonly lineFields?: readonly string[]
    readonly fields?: FieldSet
    readonly maxSessions?: number
    readonly disorderMs?: number
    readonly scorer: ScorerOptions
    /** When what keeps coming back is adopted; missing: never. */
    readonly adopt?: RecurrenceOptions
  }
  /** At least one of them. */
  readonly input: {
    readonly forward?: ForwardServerOptions
    readonly files?: { readonly paths: readonly string[]; readonly tag: string }
    readonly stdin?: { readonly tag: string }
  }
  /** At least one of `forward` and `ndjson`. */
  readonly output: {
    readonly forward?: ForwardOutputOptions
    /** `-` is standard output. */
    readonly ndjson?: { readonly path: string }
    readonly tagPrefix: string
    readonly sessionSummaries: boolean
  }
  readonly deadLetter?: { readonly path: string; readonly maxBytes?: number }
  /** Folder for what is learnt while running; missing where nothing is. */
  readonly state?: string
  /** How the stage learns from the live stream. */
  readonly learn: LearnerOptions & {
    /** Whether it starts without a model. */
    readonly mayLearn: boolean
  }
  /** What senders of feedback must know; missing: none is taken. */
  readonly feedback?: { readonly token: string }
  /** Where health and metrics are served, if anywhere. */
  readonly metrics?: { readonly host: string; readonly port: number }
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] }
}

/** Reads a config file; paths in it are relative to its folder. @throws ConfigError that lists every problem */
export async function loadConfig(path: string, environment: Environment): Promise<Config> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([`cannot read ${path} (${error.code}): logneo init writes a config to start from`])
  })
  return parseConfig(text, environment, dirname(path))
}

/**
 * @param environment for `${NAME}`
 * @param folder for relative paths
 * @throws ConfigError that lists every problem, each with its line
 */
export function parseConfig(text: string, environment: Environment, folder = '.'): Config {
  const source = readSource(text)
  const filled = fillIn(source.data, environment, folder)
  const data = withTypes(filled)
  const result = configFileSchema.safeParse(data)
  const isMissing = new Set(filled.problems.map(({ path }) => pathKey(path)))
  const issues = result.success ? [] : result.error.issues.filter(({ path }) => !isMissing.has(pathKey(path)))
  const problems: Problem[] = [
    ...filled.problems.map(({ path, text }) => ({ path, text: `${settingName(path)} ${text}` })),
    ...describeIssues(issues, path => shownValue(filled, path), namesAt),
    ...checkRules(data),
  ]
  if (!result.success || problems.length > 0) throw new ConfigError(listed(problems, source))
  return toConfig(result.data, folder)
}

/** JSON Schema of the config file, for completion in editors. A number or switch may also come from the environment. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configFileSchema, {
    io: 'input',
    target: 'draft-7',
    override({ jsonSchema }) {
      if (jsonSchema.type !== 'integer' && jsonSchema.type !== 'number' && jsonSchema.type !== 'boolean')
        return
      Object.assign(jsonSchema, { type: [jsonSchema.type, 'string'], pattern: '^\\$\\{.+\\}$' })
    },
  })
}

/** Texts that were filled in where a number or a switch is wanted become one, as the file can only hold `${NAME}` there. */
function withTypes({ data, written }: FilledIn): unknown {
  const issues = configFileSchema.safeParse(data).error?.issues ?? []
  const copy = structuredClone(data)
  for (const { path, code } of issues) {
    const text = valueAt(data, path)
    if (typeof text !== 'string' || path.length === 0 || !written.has(pathKey(path))) continue
    if (code !== 'invalid_type' && code !== 'invalid_union') continue
    const value = SWITCHES.get(text) ?? (NUMBER.test(text) ? Number(text) : text)
    const parent = valueAt(copy, path.slice(0, -1)) as Record<PropertyKey, unknown>
    parent[path.at(-1)!] = value
  }
  return copy
}

const NUMBER = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/
const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
])

/** What the file shows: never a value that was filled in. */
function shownValue({ data, written }: FilledIn, path: SettingPath): unknown {
  return written.get(pathKey(path)) ?? valueAt(data, path)
}

/** The names that the schema knows in the map at a path. */
function namesAt(path: SettingPath): readonly string[] {
  let schema: unknown = configFileSchema
  for (const name of path) schema = shapeOf(schema)[String(name)]
  return Object.keys(shapeOf(schema))
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> {
  const inner = schema instanceof z.ZodExactOptional ? schema.unwrap() : schema
  return inner instanceof z.ZodObject ? inner.shape : {}
}

/** In the order of the file, each once. */
function listed(problems: readonly Problem[], source: ConfigSource): string[] {
  const withLines = problems.map(({ path, text }) => ({ text, line: source.lineOf(path) }))
  withLines.sort((a, b) => a.line - b.line)
  return [...new Set(withLines.map(({ text, line }) => `${text} (line ${line})`))]
}

const MIB = 2 ** 20

function toConfig(file: ConfigFile, folder: string): Config {
  const { input, output, dead_letter, metrics } = file
  const absolute = (path: string): string => resolve(folder, path)
  const orDash = (path: string): string => (path === '-' ? path : absolute(path))
  return {
    stage: toStage(file, absolute(file.model.path)),
    input: {
      ...(input.forward && { forward: socketOptions(input.forward, absolute) }),
      ...(input.files && { files: { ...input.files, paths: input.files.paths.map(absolute) } }),
      ...(input.stdin && { stdin: input.stdin }),
    },
    output: {
      ...(output.forward && { forward: socketOptions(output.forward, absolute) }),
      ...(output.ndjson && { ndjson: { path: orDash(output.ndjson.path) } }),
      tagPrefix: output.tag_prefix ?? DEFAULT_TAG_PREFIX,
      sessionSummaries: file.detect?.session_summaries ?? true,
    },
    ...(dead_letter && { deadLetter: { ...camelKeys(dead_letter), path: absolute(dead_letter.path) } }),
    ...statePath(file, absolute),
    learn: learnOptions(file.model),
    ...(file.feedback && { feedback: file.feedback }),
    ...(metrics && { metrics: { ...DEFAULT_METRICS_ADDRESS, ...metrics } }),
    log: { level: file.log?.level ?? DEFAULT_LOG_LEVEL },
  }
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
  { path: _, learn: __, retrain: ___, ...device }: ConfigFile['model'],
  scorer: ConfigFile['scorer'],
): ScorerOptions {
  return {
    ...camelKeys(device),
    ...(scorer?.cache_mb !== undefined && { cacheBytes: scorer.cache_mb * MIB }),
  }
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

function socketOptions<T extends { path?: string }>(
  settings: T,
  absolute: (path: string) => string,
): CamelKeys<T> {
  return camelKeys(settings.path === undefined ? settings : { ...settings, path: absolute(settings.path) })
}
