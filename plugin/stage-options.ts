import type { Drain } from '../drain/drain.js'
import { DETECTOR_NAMES } from '../scorer/detectors/detector.js'
import { isDetectorName, type JudgeOptions } from '../scorer/judge.js'
import { PRECISIONS } from '../scorer/model/precision.js'
import { PROVIDERS } from '../scorer/provider.js'
import { DEFAULT_SCORER_OPTIONS, type ScorerOptions } from '../scorer/scorer.js'
import { SidecarOptionsError } from '../sidecar/errors.js'
import { resolveClientOptions, type SidecarClientOptions } from '../sidecar/options.js'
import type { RecurrenceOptions } from './adopt/recurrence.js'
import type { StateDirectory } from './adopt/state-directory.js'
import { type Counters, NO_COUNTERS } from './chunk.js'
import { ConfigError } from './errors.js'
import { LINE_FIELDS, type LineRules, lineRulesSchema } from './line-rules.js'
import type { ClosedSession } from './session.js'
import { type RedisStoreOptions, resolveRedisStoreOptions } from './store/redis-options.js'
import type { SnapshotOptions } from './store/snapshot-store.js'
import type { FieldSet } from './verdict.js'

/** Settings of a stage. */
export interface StageOptions {
  /** Directory of a model bundle made by `logneo train --input`. */
  readonly model: string
  /** Decisions: false-alarm rate, detectors, K. */
  readonly detect?: JudgeOptions
  /** Overrides of the bundle's rules for reading lines. */
  readonly rules?: Partial<LineRules>
  /** Fields that may hold the line, first found counts. Default message, log, MESSAGE, msg. */
  readonly lineFields?: readonly string[]
  /** Fields of ordinary records; anomalies carry all. Default full. */
  readonly fields?: FieldSet
  /** Sessions held at most. Default 100,000. */
  readonly maxSessions?: number
  /** How far lines may come out of order, in milliseconds of their own time. Default 0. */
  readonly disorderMs?: number
  /**
   * Where the stage keeps what it adopts and what it flagged lately: what was adopted or marked as normal there is not flagged. Default: nowhere,
   * nothing is.
   */
  readonly state?: StateDirectory | undefined
  /** When what keeps coming back is adopted as normal by itself; needs `state`. Default: never. */
  readonly adopt?: RecurrenceOptions | undefined
  /** Whether a stage without a model starts all the same: lines then pass as `learning`. Default false. */
  readonly mayLearn?: boolean
  /** The Drain that such a stage goes on with. Default: one that knows nothing. */
  readonly drain?: Drain | undefined
  /** Whether sessions keep the ids of their lines' templates; they do in any case while there is no model. Default false. */
  readonly keepsHistory?: boolean
  /** Takes the sessions that close, in their order; for those who learn from them. Default: nobody. */
  readonly collect?: ((closed: ClosedSession) => void) | undefined
  /** How the model runs: precision, provider, threads, memory. */
  readonly scorer?: ScorerOptions
  /** The sidecar that runs the model instead of this process; of `scorer` only `cacheBytes` counts then. Default: none. */
  readonly sidecar?: SidecarClientOptions | undefined
  /** Where sessions live, if replicas are to share them. Default: in this process. */
  readonly store?: RedisStoreOptions | undefined
  /** Where sessions of this process outlive it; not with `store`. Default: nowhere, stopping closes them as `open`. */
  readonly snapshot?: SnapshotOptions | undefined
  /** Counts what the store does. Default: nobody. */
  readonly counters?: Counters
  /** Takes one-line messages for the person who runs this. Default: nobody. */
  readonly warn?: (message: string) => void
  /** Told of failures of the scorer, whose records pass unscored. */
  readonly onScorerFailure?: (error: Error) => void
  /** Wall clock in milliseconds; for tests. Default Date.now. */
  readonly now?: () => number
}

export const DEFAULT_STAGE_OPTIONS = {
  detect: {},
  rules: {},
  lineFields: LINE_FIELDS,
  fields: 'full',
  maxSessions: 100_000,
  disorderMs: 0,
  state: undefined,
  adopt: undefined,
  mayLearn: false,
  drain: undefined,
  keepsHistory: false,
  collect: undefined,
  scorer: {},
  sidecar: undefined,
  store: undefined,
  snapshot: undefined,
  counters: NO_COUNTERS,
  warn: () => {},
  onScorerFailure: () => {},
  now: Date.now,
} as const satisfies Required<Omit<StageOptions, 'model'>>

export type ResolvedStageOptions = Required<StageOptions>

/** Options over the defaults. @throws ConfigError that lists every problem */
export function resolveStageOptions(options: StageOptions): ResolvedStageOptions {
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved: ResolvedStageOptions = { ...DEFAULT_STAGE_OPTIONS, ...(set as unknown as StageOptions) }
  const problems: string[] = []
  const unknown = Object.keys(options).filter(name => name !== 'model' && !(name in DEFAULT_STAGE_OPTIONS))
  for (const name of unknown) {
    problems.push(
      `stage.${name} is unknown: use one of ${['model', ...Object.keys(DEFAULT_STAGE_OPTIONS)].join(', ')}`,
    )
  }
  const { falseAlarmRate, detectors = [] } = resolved.detect
  if (falseAlarmRate !== undefined && !(falseAlarmRate > 0 && falseAlarmRate < 1)) {
    problems.push(`stage.detect.falseAlarmRate must be above 0 and below 1, got ${falseAlarmRate}`)
  }
  for (const name of detectors) {
    if (!isDetectorName(name))
      problems.push(`stage.detect.detectors must be among ${DETECTOR_NAMES.join(', ')}, got ${String(name)}`)
  }
  problems.push(
    ...scorerProblems(resolved.scorer),
    ...sidecarProblems(resolved.sidecar),
    ...storeProblems(resolved),
  )
  if (!Number.isInteger(resolved.maxSessions) || resolved.maxSessions < 1) {
    problems.push(`stage.maxSessions must be an integer >= 1, got ${resolved.maxSessions}`)
  }
  if (resolved.adopt !== undefined && resolved.state === undefined) {
    problems.push('stage.adopt needs stage.state: give it a StateDirectory')
  }
  if (!(resolved.disorderMs >= 0)) problems.push(`stage.disorderMs must be >= 0, got ${resolved.disorderMs}`)
  const rules = lineRulesSchema.partial().safeParse(resolved.rules)
  if (!rules.success) {
    for (const issue of rules.error.issues)
      problems.push(`stage.rules.${issue.path.join('.')}: ${issue.message}`)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return resolved
}

function sidecarProblems(sidecar: SidecarClientOptions | undefined): readonly string[] {
  try {
    if (sidecar !== undefined) resolveClientOptions(sidecar)
    return []
  } catch (error) {
    if (!(error instanceof SidecarOptionsError)) throw error
    return error.problems.map(problem => `stage.${problem}`)
  }
}

function storeProblems({ store, snapshot, detect }: ResolvedStageOptions): string[] {
  if (store === undefined) return []
  const both =
    snapshot === undefined
      ? []
      : ['stage.snapshot has no effect on sessions that are shared: leave it out, or stage.store']
  const problems = detect.detectors?.includes('time-gap')
    ? [
        'stage.detect.detectors has time-gap, which times lines by the clock of one process: leave it out, or stage.store',
      ]
    : []
  problems.push(...both)
  try {
    resolveRedisStoreOptions(store)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems.map(problem => `stage.${problem}`))
  }
  return problems
}

function scorerProblems(scorer: ScorerOptions): string[] {
  const { precision, provider, deviceId, threads, cacheBytes } = { ...DEFAULT_SCORER_OPTIONS, ...scorer }
  const rules: readonly [name: string, value: unknown, isRight: boolean, rule: string][] = [
    ['precision', precision, PRECISIONS.includes(precision), `one of ${PRECISIONS.join(', ')}`],
    ['provider', provider, PROVIDERS.includes(provider), `one of ${PROVIDERS.join(', ')}`],
    ['deviceId', deviceId, Number.isInteger(deviceId) && deviceId >= 0, 'an integer >= 0'],
    ['threads', threads, Number.isInteger(threads) && threads >= 1, 'an integer >= 1'],
    ['cacheBytes', cacheBytes, cacheBytes > 0, 'above 0'],
  ]
  return rules
    .filter(([, , isRight]) => !isRight)
    .map(([name, value, , rule]) => `stage.scorer.${name} must be ${rule}, got ${String(value)}`)
}
