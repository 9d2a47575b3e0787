import type { GptNeoConfig } from './model/config.js'
import type { Precision } from './model/precision.js'
import { storedSequenceGraph } from './model/sequence-graph.js'
import type { DeviceOptions } from './provider.js'
import { type Feeds, Runtime } from './runtime.js'
import { type Segment, segments, type TokenSequence } from './segments.js'
import type { TrainedModel } from './trained-model.js'

/** Surprise (-ln p), rank (zero-based) and rarity (see STATISTIC_NAMES) of each target of a session: its keys, then its end if that was seen. */
export interface SequenceScores {
  readonly surprises: Float32Array
  readonly ranks: Float32Array
  readonly rarities: Float32Array
}

interface Placed {
  readonly sequence: number
  readonly at: number
  readonly segment: Segment
}

const MAX_SEGMENTS = 128
// Bounds the tokens of a padded batch, so that long sessions do not multiply memory.
const MAX_TOKENS = 8192
// Bounds what attention holds for each head: a weight for each pair of tokens of a segment.
const MAX_PAIRS = 2 ** 21

/** Scores whole sessions at once, offline. Equal sessions are computed once. */
export class SequenceScorer {
  private constructor(
    readonly config: GptNeoConfig,
    readonly runtime: Runtime,
  ) {}

  /** @param graph from sequenceGraph(config) */
  static async load(config: GptNeoConfig, graph: Uint8Array, threads = 1): Promise<SequenceScorer> {
    return new SequenceScorer(config, await Runtime.load(graph, { threads }))
  }

  /** As load, for weights that stay as they are: the graph holds them. @throws ProviderError */
  static async loadStored(
    { config, parameters }: Pick<TrainedModel, 'config' | 'parameters'>,
    { precision = 'float32', ...device }: DeviceOptions & { readonly precision?: Precision } = {},
  ): Promise<SequenceScorer> {
    const { graph, externals } = storedSequenceGraph(config, parameters, precision)
    return new SequenceScorer(config, await Runtime.load(graph, { ...device, externals }))
  }

  /**
   * @param weights the flat vector (size); what a graph of another form takes, `parameters` and the frozen weights; undefined where the graph
   *   holds them
   */
  async score(
    weights: Float32Array | Feeds | undefined,
    sequences: readonly TokenSequence[],
  ): Promise<SequenceScores[]> {
    const { unique, indices } = deduplicate(sequences)
    const scores = unique.map(({ tokens, ended }) => {
      const size = tokens.length + (ended ? 1 : 0)
      return {
        surprises: new Float32Array(size),
        ranks: new Float32Array(size),
        rarities: new Float32Array(size),
      }
    })
    const feeds =
      weights instanceof Float32Array ? { parameters: { data: weights, shape: [weights.length] } } : weights
    for (const batch of this.#batches(unique)) await this.#scoreBatch(feeds ?? {}, batch, scores)
    return indices.map(i => scores[i]!)
  }

  async release(): Promise<void> {
    await this.runtime.release()
  }

  #batches(sequences: readonly TokenSequence[]): Placed[][] {
    const placed: Placed[] = []
    sequences.forEach((sequence, i) => {
      let at = 0
      for (const segment of segments(sequence, this.config.contextLength)) {
        placed.push({ sequence: i, at, segment })
        at += segment.inputs.length - segment.scoredFrom
      }
    })
    placed.sort((a, b) => a.segment.inputs.length - b.segment.inputs.length)
    const batches: Placed[][] = []
    let batch: Placed[] = []
    for (const piece of placed) {
      const time = piece.segment.inputs.length
      const numTokens = (batch.length + 1) * time
      if (batch.length === MAX_SEGMENTS || numTokens > MAX_TOKENS || numTokens * time > MAX_PAIRS) {
        batches.push(batch)
        batch = []
      }
      batch.push(piece)
    }
    if (batch.length > 0) batches.push(batch)
    return batches.filter(pieces => pieces.length > 0)
  }

  async #scoreBatch(
    weights: Feeds,
    batch: readonly Placed[],
    scores: readonly SequenceScores[],
  ): Promise<void> {
    const time = batch.at(-1)!.segment.inputs.length
    const tokens = new Int32Array(batch.length * time)
    const targets = new Int32Array(batch.length * time)
    batch.forEach(({ segment }, row) => {
      tokens.set(segment.inputs, row * time)
      targets.set(segment.targets, row * time)
    })
    const shape = [batch.length, time]
    const { surprises, ranks, rarities } = await this.runtime.run({
      ...weights,
      tokens: { data: tokens, shape },
      targets: { data: targets, shape },
    })
    batch.forEach(({ sequence, at, segment }, row) => {
      const from = row * time + segment.scoredFrom
      const to = row * time + segment.inputs.length
      scores[sequence]!.surprises.set(surprises!.subarray(from, to), at)
      scores[sequence]!.ranks.set(ranks!.subarray(from, to), at)
      scores[sequence]!.rarities.set(rarities!.subarray(from, to), at)
    })
  }
}

function deduplicate(sequences: readonly TokenSequence[]): { unique: TokenSequence[]; indices: number[] } {
  const places = new Map<string, number>()
  const unique: TokenSequence[] = []
  const indices = sequences.map(sequence => {
    const key = `${sequence.ended ? 'e' : 'o'}${sequence.tokens.join()}`
    let place = places.get(key)
    if (place === undefined) {
      place = unique.push(sequence) - 1
      places.set(key, place)
    }
    return place
  })
  return { unique, indices }
}
