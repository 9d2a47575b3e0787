import type { Bundle } from './bundle.js'
import { type PlannedBatch, planBatches } from './chains.js'
import { ScoringError } from './errors.js'
import type { GptNeoConfig } from './model/config.js'
import type { Precision } from './model/precision.js'
import { cacheRowSize } from './model/step-graph.js'
import { appendToken, type Context, type NextKeyScorer } from './next-key-scorer.js'
import { PrefixTree } from './prefix-tree.js'
import { DEFAULT_DEVICE_OPTIONS, type DeviceOptions } from './provider.js'
import { StepClient } from './step-client.js'
import { BEGIN } from './vocabulary.js'

export interface ScorerOptions extends DeviceOptions {
  /** Memory for remembered prefixes (log-probabilities, keys and values), in bytes, but at least that of three full contexts. Default 128 MiB. */
  readonly cacheBytes?: number
  /** Number format of the model's matrices. Default float32, in which models are calibrated. */
  readonly precision?: Precision
}

export const DEFAULT_SCORER_OPTIONS = {
  ...DEFAULT_DEVICE_OPTIONS,
  cacheBytes: 128 * 2 ** 20,
  precision: 'float32',
} as const satisfies Required<ScorerOptions>

/** Contexts the tree must have room for: those being computed, one to enter, and one more as the children of a node. */
const MIN_CONTEXTS = 3
/** Map entries and list links of a node, in bytes, next to its floats. */
const NODE_OVERHEAD = 96
/** Stamps of successive trees lie this far apart, so that a context of an old tree never matches the new one. */
const STAMPS_PER_TREE = 2 ** 24

/** Prefixes that are remembered in `cacheBytes`. */
export function cacheCapacity(config: GptNeoConfig, cacheBytes: number): number {
  const nodeBytes = 4 * (cacheRowSize(config) + config.vocabularySize) + NODE_OVERHEAD
  return Math.max(MIN_CONTEXTS * config.contextLength, Math.floor(cacheBytes / nodeBytes))
}

/**
 * Scores next log keys: the model behind an exact memo of prefixes.
 *
 * Use: `enter` a context to get its node, which may still have to be computed; `compute` everything waiting at once; then ask the tree for
 * surprise and rank at the nodes, and unpin them there.
 */
export class Scorer implements NextKeyScorer {
  #tree: PrefixTree
  readonly maxHeld: number
  readonly isReady = true
  readonly #client: StepClient
  #waiting: number[] = []
  #epoch = 0
  #lastComputation: Promise<void> = Promise.resolve()

  private constructor(
    readonly config: GptNeoConfig,
    client: StepClient,
    numNodes: number,
  ) {
    this.#client = client
    this.#tree = new PrefixTree(numNodes, config.vocabularySize)
    this.maxHeld = numNodes - 2 * config.contextLength
  }

  /** @throws ProviderError when the runtime or the provider cannot be loaded, ScoringError when the model cannot */
  static async start(
    { config, parameters }: Pick<Bundle, 'config' | 'parameters'>,
    options: ScorerOptions = {},
  ): Promise<Scorer> {
    const { cacheBytes, precision, ...device } = { ...DEFAULT_SCORER_OPTIONS, ...options }
    const numNodes = cacheCapacity(config, cacheBytes)
    const client = await StepClient.start({ config, parameters, precision, device, numRows: numNodes })
    return new Scorer(config, client, numNodes)
  }

  get tree(): PrefixTree {
    return this.#tree
  }

  begin(): Context {
    return { tokens: [BEGIN], node: -1, stamp: 0 }
  }

  /** The node of a context, pinned in the tree. Its distribution is there at once if the prefix is known, else after `compute`. */
  enter(context: Context): number {
    const { tokens } = context
    let { node } = context
    if (node < 0 || this.#tree.stamp(node) !== context.stamp) node = this.#tree.root
    for (let i = this.#tree.depth(node); i < tokens.length; i++) node = this.#child(node, tokens[i]!)
    context.node = node
    context.stamp = this.#tree.stamp(node)
    this.#tree.pin(node)
    return node
  }

  append(context: Context, token: number): void {
    appendToken(context, token, this.config.contextLength)
  }

  compute(): Promise<void> {
    const before = this.#lastComputation
    const own = this.#computeWaiting()
    const both = Promise.all([before, own]).then(() => {})
    this.#lastComputation = both.catch(() => {})
    return both
  }

  async #computeWaiting(): Promise<void> {
    const waiting = this.#waiting
    const tree = this.#tree
    this.#waiting = []
    if (waiting.length === 0) return
    try {
      await Promise.all(planBatches(tree, waiting, this.config).map(batch => this.#runBatch(tree, batch)))
    } catch (error) {
      this.#startOver(tree)
      throw error
    }
    // A batch that failed meanwhile left holes in the cache this one was built on.
    if (tree !== this.#tree) throw new ScoringError('a batch before this one failed')
  }

  async #runBatch(tree: PrefixTree, { step, nodes }: PlannedBatch): Promise<void> {
    const logProbabilities = await this.#client.run(step)
    const { vocabularySize } = this.config
    nodes.forEach((node, i) => {
      if (node >= 0) tree.resolve(node, logProbabilities, i * vocabularySize)
    })
  }

  async close(): Promise<void> {
    await this.#client.release()
  }

  #startOver(failed: PrefixTree): void {
    if (failed !== this.#tree) return
    this.#waiting = []
    this.#epoch++
    this.#tree = new PrefixTree(failed.capacity, failed.vocabularySize, this.#epoch * STAMPS_PER_TREE)
  }

  #child(node: number, token: number): number {
    const before = this.#tree.numWaiting
    const child = this.#tree.child(node, token)
    if (this.#tree.numWaiting > before) this.#waiting.push(child)
    return child
  }
}
