import type { Bundle } from './bundle.js'
import { type PlannedBatch, planBatches } from './chains.js'
import { ScoringError } from './errors.js'
import type { GptNeoConfig } from './model/config.js'
import { cacheRowSize } from './model/step-graph.js'
import { PrefixTree } from './prefix-tree.js'
import { StepClient } from './step-client.js'
import { BEGIN } from './vocabulary.js'

export interface ScorerOptions {
  /** Memory for remembered prefixes (log-probabilities, keys and values), in bytes. Default 128 MiB. */
  readonly cacheBytes?: number
}

export const DEFAULT_SCORER_OPTIONS = { cacheBytes: 128 * 2 ** 20 } as const satisfies Required<ScorerOptions>

/** The tokens a session's next prediction rests on, and where they stand in the tree. Owned by the session. */
export interface Context {
  /** Tokens since the begin of session, or the last ones where the session is longer than the model's context. */
  readonly tokens: number[]
  node: number
  stamp: number
}

/** Map entries and list links of a node, in bytes, next to its floats. */
const NODE_OVERHEAD = 96
/** Stamps of successive trees lie this far apart, so that a context of an old tree never matches the new one. */
const STAMPS_PER_TREE = 2 ** 24

/**
 * Scores next log keys: the model behind an exact memo of prefixes.
 *
 * Use: `enter` a context to get its node, which may still have to be computed; `compute` everything waiting at once; then ask the tree for
 * surprise and rank at the nodes, and unpin them there.
 */
export class Scorer {
  #tree: PrefixTree
  /**
   * Nodes a caller may keep pinned, with all that leads to them, before it enters one more context: the tree must have room for that one's
   * prefix.
   */
  readonly maxHeld: number
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

  static async start(
    { config, graphs, parameters }: Pick<Bundle, 'config' | 'graphs' | 'parameters'>,
    options: ScorerOptions = {},
  ): Promise<Scorer> {
    const { cacheBytes } = { ...DEFAULT_SCORER_OPTIONS, ...options }
    const nodeBytes = 4 * (cacheRowSize(config) + config.vocabularySize) + NODE_OVERHEAD
    const numNodes = Math.max(8 * config.contextLength, Math.floor(cacheBytes / nodeBytes))
    const client = await StepClient.start({ config, graph: graphs.step, parameters, numRows: numNodes })
    return new Scorer(config, client, numNodes)
  }

  /**
   * The tree that nodes now belong to. Hold on to it while using nodes: after a failure a fresh one takes its place, and nodes of the old
   * one stay readable but unknown.
   */
  get tree(): PrefixTree {
    return this.#tree
  }

  /** The context of a session that has just begun. */
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

  /**
   * Moves a context one token on; nothing is computed until it is entered. When the model's context is full its older half goes and positions
   * start anew, as in training (see segments.ts).
   */
  append(context: Context, token: number): void {
    const { tokens } = context
    if (tokens.length === this.config.contextLength) {
      tokens.splice(0, tokens.length - (this.config.contextLength >> 1))
      context.node = -1
    }
    tokens.push(token)
  }

  /**
   * Computes every waiting node; resolves when those waiting at the call, and those of the calls before, are known.
   * @throws ScoringError, and then nothing entered before is worth anything
   */
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
      await Promise.all(planBatches(tree, waiting).map(batch => this.#runBatch(tree, batch)))
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

  /** The `count` likeliest next tokens after a known node, with probabilities, best first. */
  static likeliest(tree: PrefixTree, node: number, count: number): { token: number; probability: number }[] {
    const distribution = tree.distribution(node)
    const best: number[] = []
    for (let token = 0; token < distribution.length; token++) {
      let place = best.length
      while (place > 0 && distribution[best[place - 1]!]! < distribution[token]!) place--
      if (place < count) best.splice(place, 0, token)
      if (best.length > count) best.pop()
    }
    return best.map(token => ({ token, probability: Math.exp(distribution[token]!) }))
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
