import type { GraphBuilder, Value } from '../onnx/graph.js'
import type { GptNeoConfig } from './config.js'
import { type AttentionContext, additiveMask } from './forward.js'

/** What a graph over whole sequences derives from its tokens (B, T). */
export interface SequenceContext extends AttentionContext {
  /** Token ids as (N), 64-bit. */
  readonly ids: Value
  /** 0, 1, ... T-1 for each sequence, as (N). */
  readonly positions: Value
}

/** Adds ids, positions and causal masks for tokens (B, T, int32) that start at position 0; padding goes to the right. */
export function sequenceContext(graph: GraphBuilder, config: GptNeoConfig, tokens: Value): SequenceContext {
  const wide = graph.node('Cast', [tokens], { to: 7 })
  const shape = graph.node('Shape', [tokens])
  const [batch, time] = graph.nodes('Split', [shape, graph.integers(1, 1)], 2, { axis: 0 }) as [Value, Value]
  const row = graph.node('Range', [
    graph.constant('int64', [], [0]),
    graph.node('Squeeze', [time, graph.integers(0)]),
    graph.constant('int64', [], [1]),
  ])
  const age = graph.node('Sub', [
    graph.node('Unsqueeze', [row, graph.integers(1)]),
    graph.node('Unsqueeze', [row, graph.integers(0)]),
  ])
  const past = graph.node('GreaterOrEqual', [age, graph.integers(0)])
  const near = graph.node('And', [past, graph.node('Less', [age, graph.integers(config.windowSize)])])
  return {
    ids: graph.node('Reshape', [wide, graph.integers(-1)]),
    positions: graph.node('Reshape', [graph.node('Expand', [row, shape]), graph.integers(-1)]),
    ...headShapes(graph, config, batch, time),
    globalMask: additiveMask(graph, past),
    localMask: additiveMask(graph, near),
  }
}

/** The shapes that splitting and merging heads need, as values; batch and time are one-element vectors. */
export function headShapes(
  graph: GraphBuilder,
  config: GptNeoConfig,
  batch: Value,
  time: Value,
): Pick<AttentionContext, 'split' | 'merged'> {
  const widths = graph.integers(config.numHeads, config.hiddenSize / config.numHeads)
  return {
    split: graph.node('Concat', [batch, time, widths], { axis: 0 }),
    merged: graph.integers(-1, config.hiddenSize),
  }
}
