import type { Cluster } from './cluster.js'
import { DrainConfigError, DrainSnapshotError } from './errors.js'
import { type ResolvedDrainOptions, resolveDrainOptions } from './options.js'

export const SNAPSHOT_VERSION = 1

/** A template as stored. A token is its text, `null` where widening made a wildcard. */
export interface ClusterSnapshot {
  readonly key: number
  readonly id: string
  readonly tokens: readonly (string | null)[]
  /** Indexes of tokens with no space before them. */
  readonly glued: readonly number[]
  /** The leading tokens that lead to it in the parse tree, `null` for those that vary. */
  readonly path: readonly (string | null)[]
  readonly numLines: number
  readonly history: readonly string[]
  readonly label?: string
  readonly isPinned?: true
}

/** Everything a Drain has learnt, as plain JSON; holds no code and runs none. */
export interface DrainSnapshot {
  readonly kind: 'logneo-drain'
  readonly version: typeof SNAPSHOT_VERSION
  readonly options: ResolvedDrainOptions
  readonly nextKey: number
  /** In the order of their keys. */
  readonly clusters: readonly ClusterSnapshot[]
  /** Keys from the least to the most recently learnt. */
  readonly recency: readonly number[]
}

const MAX_KEY = Number.MAX_SAFE_INTEGER
const MAX_TEXT = 64 * 1_048_576
/** Characters of a template's label. */
export const MAX_LABEL = 1_024
const TOP_FIELDS = ['kind', 'version', 'options', 'nextKey', 'clusters', 'recency']
const CLUSTER_FIELDS = ['key', 'id', 'tokens', 'glued', 'path', 'numLines', 'history', 'label', 'isPinned']

/** The parts of a cluster that its own fields do not tell. */
export function snapshotCluster(
  cluster: Cluster,
  tokens: readonly (string | null)[],
  path: readonly (string | null)[],
): ClusterSnapshot {
  return {
    key: cluster.key,
    id: cluster.id,
    tokens,
    glued: [...cluster.glued.keys()].filter(token => cluster.glued[token] === 1),
    path,
    numLines: cluster.numLines,
    history: cluster.history,
    ...(cluster.label === undefined ? {} : { label: cluster.label }),
    ...(cluster.isPinned ? { isPinned: true as const } : {}),
  }
}

/** Checks a value of unknown origin in every part. Throws DrainSnapshotError. */
export function checkSnapshot(value: unknown): DrainSnapshot {
  const snapshot = object(value, 'itself', TOP_FIELDS)
  if (snapshot.kind !== 'logneo-drain') fail('kind', 'must be "logneo-drain"')
  if (snapshot.version !== SNAPSHOT_VERSION) {
    fail('version', `must be ${SNAPSHOT_VERSION}, got ${String(snapshot.version).slice(0, 20)}`)
  }
  const options = checkOptions(snapshot.options)
  const nextKey = integer(snapshot.nextKey, 'nextKey', MAX_KEY)
  const clusters = list(snapshot.clusters, 'clusters', options.maxClusters).map((cluster, i) =>
    checkCluster(cluster, `clusters[${i}]`, options, nextKey),
  )
  const recency = list(snapshot.recency, 'recency', clusters.length).map((key, i) =>
    integer(key, `recency[${i}]`, MAX_KEY),
  )
  checkTogether(clusters, recency, options)
  return { kind: 'logneo-drain', version: SNAPSHOT_VERSION, options, nextKey, clusters, recency }
}

function checkOptions(value: unknown): ResolvedDrainOptions {
  if (typeof value !== 'object' || value === null) fail('options', 'must be a map')
  try {
    return resolveDrainOptions(value)
  } catch (error) {
    if (!(error instanceof DrainConfigError)) throw error
    throw new DrainSnapshotError('options', `is not valid: ${error.message}`, { cause: error })
  }
}

function checkCluster(
  value: unknown,
  path: string,
  options: ResolvedDrainOptions,
  nextKey: number,
): ClusterSnapshot {
  const cluster = object(value, path, CLUSTER_FIELDS)
  const key = integer(cluster.key, `${path}.key`, nextKey - 1)
  const id = text(cluster.id, `${path}.id`, 16)
  if (!/^[0-9a-f]{16}$/.test(id)) fail(`${path}.id`, 'must be 16 hexadecimal digits')
  const tokens = tokenList(cluster.tokens, `${path}.tokens`, options.maxTokens + 1)
  const numLayers = Math.min(options.depth - 3, tokens.length)
  const treePath = tokenList(cluster.path, `${path}.path`, numLayers)
  if (treePath.length !== numLayers) fail(`${path}.path`, `must have ${numLayers} tokens`)
  const { label, isPinned } = cluster
  if (isPinned !== undefined && isPinned !== true) fail(`${path}.isPinned`, 'must be true or absent')
  return {
    key,
    id,
    tokens,
    glued: list(cluster.glued, `${path}.glued`, tokens.length).map((token, i) =>
      integer(token, `${path}.glued[${i}]`, tokens.length - 1),
    ),
    path: treePath,
    numLines: integer(cluster.numLines, `${path}.numLines`, MAX_KEY),
    history: list(cluster.history, `${path}.history`, options.maxHistory).map((template, i) =>
      text(template, `${path}.history[${i}]`, MAX_TEXT),
    ),
    ...(label === undefined ? {} : { label: text(label, `${path}.label`, MAX_LABEL) }),
    ...(isPinned === true ? { isPinned } : {}),
  }
}

function checkTogether(
  clusters: readonly ClusterSnapshot[],
  recency: readonly number[],
  options: ResolvedDrainOptions,
): void {
  for (let i = 1; i < clusters.length; i++) {
    if (clusters[i]!.key <= clusters[i - 1]!.key)
      fail(`clusters[${i}].key`, 'must be greater than the one before')
  }
  if (new Set(clusters.map(cluster => cluster.id)).size < clusters.length)
    fail('clusters', 'must have different ids')
  const keys = new Set(clusters.map(cluster => cluster.key))
  const isComplete = recency.length === keys.size && new Set(recency).size === keys.size
  if (!isComplete || !recency.every(key => keys.has(key)))
    fail('recency', 'must name the key of every cluster once')
  const numPinned = clusters.filter(cluster => cluster.isPinned).length
  if (numPinned * 2 > options.maxClusters)
    fail('clusters', 'must not be pinned in more than half of maxClusters')
}

function fail(path: string, problem: string): never {
  throw new DrainSnapshotError(path, problem)
}

/** Own, plain fields only: what a prototype offers does not count. */
function object(value: unknown, path: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'must be a map')
  const fields: Record<string, unknown> = Object.create(null)
  for (const [name, field] of Object.entries(value)) {
    if (!known.includes(name)) fail(path, `has the unknown field ${JSON.stringify(name.slice(0, 60))}`)
    fields[name] = field
  }
  return fields
}

function list(value: unknown, path: string, maxLength: number): unknown[] {
  if (!Array.isArray(value)) fail(path, 'must be a list')
  if (value.length > maxLength) fail(path, `must have at most ${maxLength} items, has ${value.length}`)
  return value
}

function integer(value: unknown, path: string, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max) {
    fail(path, `must be an integer from 0 to ${max}`)
  }
  return value as number
}

function text(value: unknown, path: string, maxLength: number): string {
  if (typeof value !== 'string' || value.length > maxLength) {
    fail(path, `must be a string of at most ${maxLength} characters`)
  }
  return value
}

function tokenList(value: unknown, path: string, maxLength: number): (string | null)[] {
  return list(value, path, maxLength).map((token, i) => {
    if (token === null) return null
    const checked = text(token, `${path}[${i}]`, MAX_TEXT)
    return checked === '' ? fail(`${path}[${i}]`, 'must not be empty') : checked
  })
}
