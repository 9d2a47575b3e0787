import { GraphBuilder, type Value } from '../onnx/graph.js'
import { Tape } from '../onnx/tape.js'
import type { GptNeoConfig } from './config.js'
import { type AttentionContext, additiveMask, forward, unpackWeights, type Weights } from './forward.js'
import { parameterLayout } from './parameters.js'
import type { Precision } from './precision.js'
import { headShapes } from './sequence-context.js'
import { type StoredGraph, StoredTape } from './stored-tape.js'

/** Floats one token keeps in the cache: keys and values of every layer. */
export function cacheRowSize(config: GptNeoConfig): number {
  return 2 * config.numLayers * config.hiddenSize
}

/**
 * The graph that extends cached prefixes by T tokens (one, as a rule). R = cacheRowSize.
 *
 * In: parameters (size), tokens (B, T) int32, past (B, P, R) of which the first pastLengths[b] rows count, pastLengths (B) int32.
 * Out: logProbabilities (B, T, V) of the token after each; rows (B, T, R) to append to the cache.
 */
export function stepGraph(config: GptNeoConfig): Buffer {
  const graph = new GraphBuilder('step')
  const tape = new Tape(graph)
  const layout = parameterLayout(config)
  const parameters = graph.input('parameters', 'float32', [layout.size])
  addStep(tape, config, unpackWeights(tape, parameters, layout))
  return graph.finish()
}

/** As stepGraph, without the input `parameters` (size): they are stored in it. */
export function storedStepGraph(
  config: GptNeoConfig,
  parameters: Float32Array,
  precision: Precision,
): StoredGraph {
  const graph = new GraphBuilder('step')
  const tape = new StoredTape(graph, precision)
  addStep(tape, config, tape.weights(config, parameters))
  return { graph: graph.finish(), externals: graph.externals }
}

function addStep(tape: Tape, config: GptNeoConfig, weights: Weights): void {
  const { graph } = tape
  const rowSize = cacheRowSize(config)
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const past = graph.input('past', 'float32', ['B', 'P', rowSize])
  const pastLengths = graph.input('pastLengths', 'int32', ['B'])

  const { ids, positions, ...context } = cachedContext(graph, config, tokens, past, pastLengths)
  const fresh: Value[] = []
  const cached = splitPast(graph, config, past)
  const withPast = (layer: number, kind: 'key' | 'value', heads: Value): Value => {
    fresh.push(heads)
    return graph.node('Concat', [cached[2 * layer + (kind === 'key' ? 0 : 1)]!, heads], { axis: 2 })
  }
  const logits = forward(tape, config, weights, ids, positions, { ...context, withPast })
  const shape = graph.node('Concat', [graph.node('Shape', [tokens]), graph.integers(config.vocabularySize)], {
    axis: 0,
  })
  graph.output(
    'logProbabilities',
    graph.node('Reshape', [graph.node('LogSoftmax', [logits], { axis: -1 }), shape]),
    'float32',
    ['B', 'T', config.vocabularySize],
  )
  graph.output('rows', joinRows(graph, config, fresh), 'float32', ['B', 'T', rowSize])
}

interface CachedContext extends AttentionContext {
  readonly ids: Value
  readonly positions: Value
}

/** Positions go on where each cached prefix ends; the masks hide cache rows past its length and, in local layers, far ones. */
function cachedContext(
  graph: GraphBuilder,
  config: GptNeoConfig,
  tokens: Value,
  past: Value,
  pastLengths: Value,
): CachedContext {
  const [batch, time] = graph.nodes('Split', [graph.node('Shape', [tokens]), graph.integers(1, 1)], 2, {
    axis: 0,
  }) as [Value, Value]
  const pastSize = graph.node('Gather', [graph.node('Shape', [past]), graph.integers(1)])
  const lengths = graph.node('Unsqueeze', [graph.node('Cast', [pastLengths], { to: 7 }), graph.integers(1)])
  const offsets = graph.node('Unsqueeze', [range(graph, time), graph.integers(0)])
  const newPositions = graph.node('Add', [lengths, offsets])
  const oldPositions = graph.node('Unsqueeze', [range(graph, pastSize), graph.integers(0)])
  // Rows beyond a prefix's length get a position no query reaches, so the causal mask hides them.
  const hidden = graph.node('Where', [
    graph.node('Less', [oldPositions, lengths]),
    oldPositions,
    graph.integers(2 * config.contextLength),
  ])
  const keys = graph.node('Unsqueeze', [
    graph.node('Concat', [hidden, newPositions], { axis: 1 }),
    graph.integers(1),
  ])
  const age = graph.node('Sub', [graph.node('Unsqueeze', [newPositions, graph.integers(2)]), keys])
  const allowed = graph.node('GreaterOrEqual', [age, graph.integers(0)])
  const near = graph.node('And', [allowed, graph.node('Less', [age, graph.integers(config.windowSize)])])
  const perHead = (mask: Value): Value =>
    graph.node('Unsqueeze', [additiveMask(graph, mask), graph.integers(1)])
  return {
    ids: graph.node('Reshape', [graph.node('Cast', [tokens], { to: 7 }), graph.integers(-1)]),
    // Padding may lie beyond the last learned position; what is looked up for it does not matter.
    positions: graph.node('Reshape', [
      graph.node('Min', [newPositions, graph.integers(config.contextLength - 1)]),
      graph.integers(-1),
    ]),
    ...headShapes(graph, config, batch, time),
    globalMask: perHead(allowed),
    localMask: perHead(near),
  }
}

/** past (B, P, R) as keys and values of each layer, (B, H, P, E), in the order key, value, key... */
function splitPast(graph: GraphBuilder, config: GptNeoConfig, past: Value): Value[] {
  const { numLayers, numHeads, hiddenSize } = config
  const shape = graph.node(
    'Concat',
    [
      graph.node('Slice', [graph.node('Shape', [past]), graph.integers(0), graph.integers(2)]),
      graph.integers(2 * numLayers, numHeads, hiddenSize / numHeads),
    ],
    { axis: 0 },
  )
  const apart = graph.node('Transpose', [graph.node('Reshape', [past, shape])], { perm: [2, 0, 3, 1, 4] })
  const sizes = graph.integers(...new Array<number>(2 * numLayers).fill(1))
  return graph
    .nodes('Split', [apart, sizes], 2 * numLayers, { axis: 0 })
    .map(piece => graph.node('Squeeze', [piece, graph.integers(0)]))
}

/** The fresh keys and values (B, H, T, E) of all layers as cache rows (B, T, R). */
function joinRows(graph: GraphBuilder, config: GptNeoConfig, fresh: readonly Value[]): Value {
  const perToken = fresh.map(heads =>
    graph.node('Unsqueeze', [graph.node('Transpose', [heads], { perm: [0, 2, 1, 3] }), graph.integers(2)]),
  )
  const joined = graph.node('Concat', perToken, { axis: 2 })
  return graph.node('Reshape', [joined, graph.integers(0, 0, cacheRowSize(config))])
}

function range(graph: GraphBuilder, end: Value): Value {
  const scalarEnd = graph.node('Squeeze', [end, graph.integers(0)])
  return graph.node('Range', [graph.constant('int64', [], [0]), scalarEnd, graph.constant('int64', [], [1])])
}
