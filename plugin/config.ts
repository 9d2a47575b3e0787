import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { JudgeOptions } from '../scorer/judge.js'
import type { ScorerOptions } from '../scorer/scorer.js'
import type { SidecarClientOptions } from '../sidecar/options.js'
import type { RecurrenceOptions } from './adopt/recurrence.js'
import type { AlertConfig } from './config-alerts.js'
import { toConfig } from './config-mapping.js'
import { describeIssues, type Problem, settingName } from './config-problems.js'
import { checkRules } from './config-rules.js'
import { configFileSchema } from './config-schema.js'
import { type Environment, type FilledIn, fillIn, pathKey } from './config-secrets.js'
import type { LOG_LEVELS } from './config-sections/operation.js'
import { type ConfigSource, readSource, type SettingPath, valueAt } from './config-source.js'
import { ConfigError } from './errors.js'
import type { HistoryPlace } from './history/open-history.js'
import type { HistoryOptions } from './history/options.js'
import type { FollowOptions } from './input/follow/options.js'
import type { ForwardServerOptions } from './input/forward-options.js'
import type { HttpInputOptions } from './input/http-options.js'
import type { KafkaInputOptions } from './input/kafka-options.js'
import type { JoinOptions } from './join/options.js'
import type { LearnerOptions } from './learn/options.js'
import type { LineRules } from './line-rules.js'
import type { ElasticsearchOptions } from './output/elasticsearch-options.js'
import type { ForwardOutputOptions } from './output/forward-options.js'
import type { KafkaOutputOptions } from './output/kafka-options.js'
import type { RouteOptions } from './route/options.js'
import type { RedisStoreOptions } from './store/redis-options.js'
import type { SnapshotOptions } from './store/snapshot-store.js'
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
    /** The sidecar that runs the model; missing: this process does. */
    readonly sidecar?: SidecarClientOptions
    /** Where sessions are shared; missing: each stage has its own. */
    readonly store?: RedisStoreOptions
    /** Where its own outlive it; missing: nowhere. */
    readonly snapshot?: SnapshotOptions
    /** When what keeps coming back is adopted; missing: never. */
    readonly adopt?: RecurrenceOptions
  }
  /** At least one of them. */
  readonly input: {
    readonly forward?: ForwardServerOptions
    readonly http?: HttpInputOptions
    readonly files?: { readonly paths: readonly string[]; readonly tag: string }
    /** Files that are followed, instead of being read once. */
    readonly follow?: FollowOptions
    readonly stdin?: { readonly tag: string }
    readonly kafka?: KafkaInputOptions
  }
  /** At least one of `forward`, `elasticsearch`, `ndjson` and `kafka`. */
  readonly output: {
    readonly forward?: ForwardOutputOptions
    readonly elasticsearch?: Omit<ElasticsearchOptions, 'ca'> & {
      /** PEM file of the certificates to trust. */
      readonly caFile?: string
    }
    /** `-` is standard output. */
    readonly ndjson?: { readonly path: string }
    readonly kafka?: KafkaOutputOptions
    readonly tagPrefix: string
    readonly sessionSummaries: boolean
    /** Where records go by their verdicts; missing: all of them everywhere. */
    readonly route?: RouteOptions
  }
  /** How lines that belong together are told; missing: each is judged alone. */
  readonly join?: JoinOptions
  /** How long lines are held back to be put into the order of their times; missing: not at all. */
  readonly reorderMs?: number
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
  /** Where anomalies and session summaries are kept; missing: nowhere. */
  readonly history?: HistoryOptions & { readonly place: HistoryPlace }
  /** Who is told of anomalies, and how; missing: nobody. */
  readonly alerts?: AlertConfig
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
    ...describeIssues(issues, filled, namesAt),
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
