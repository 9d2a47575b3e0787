import type { GraphBuilder, Value } from '../onnx/graph.js'
import type { Tape } from '../onnx/tape.js'
import { type GptNeoConfig, isLocalLayer } from './config.js'
import { type ParameterLayout, POSITION_EMBEDDING, TOKEN_EMBEDDING } from './parameters.js'

/** The parameter tensors of one graph, by their checkpoint names. */
export type Weights = (name: string) => Value

/** Adds a linear layer `name` of a block, without its `.weight`: x (N, I) to (N, O). `bias` is (O). */
export type Projection = (x: Value, name: string, bias?: Value) => Value

/** What attention needs of the surrounding graph. Letters as in Tape. */
export interface AttentionContext {
  /** Shape (B, T, H, E) as a value. */
  readonly split: Value
  /** Shape (N, D) as a value. */
  readonly merged: Value
  /** Additive masks, broadcastable to (B, H, T, S): 0 where a token may look, very negative elsewhere. */
  readonly globalMask: Value
  readonly localMask: Value
  /** Puts cached keys or values (B, H, P, E) before the new ones of a layer; absent without a cache. */
  readonly withPast?: (layer: number, kind: 'key' | 'value', fresh: Value) => Value
}

/** Names the pieces of the flat parameter vector `flat` (size) of a layout. */
export function unpackWeights(tape: Tape, flat: Value, layout: ParameterLayout): Weights {
  const tensors = tape.unpack(
    flat,
    layout.slices.map(slice => slice.shape),
  )
  const byName = new Map(layout.slices.map((slice, i) => [slice.name, tensors[i]!]))
  return name => byName.get(name)!
}

/** Linear layers as they are. */
export function plainProjection(tape: Tape, weights: Weights): Projection {
  return (x, name, bias) => tape.linear(x, weights(`${name}.weight`), bias)
}

/** Adds a GPT-Neo to the graph: ids and positions (N) to logits (N, V). */
export function forward(
  tape: Tape,
  config: GptNeoConfig,
  weights: Weights,
  ids: Value,
  positions: Value,
  context: AttentionContext,
  project: Projection = plainProjection(tape, weights),
): Value {
  const { layerNormEpsilon: epsilon } = config
  let x = tape.add(
    tape.embedding(weights(TOKEN_EMBEDDING), ids, config.vocabularySize),
    tape.embedding(weights(POSITION_EMBEDDING), positions, config.contextLength),
  )
  for (let layer = 0; layer < config.numLayers; layer++) {
    const block = (name: string): string => `transformer.h.${layer}.${name}`
    const norm = (name: string): Value =>
      tape.layerNorm(x, weights(block(`${name}.weight`)), weights(block(`${name}.bias`)), epsilon)
    const linear = (input: Value, name: string, hasBias = true): Value =>
      project(input, block(name), hasBias ? weights(block(`${name}.bias`)) : undefined)
    x = tape.add(x, attend(tape, norm('ln_1'), layer, linear, context))
    x = tape.add(x, linear(tape.gelu(linear(norm('ln_2'), 'mlp.c_fc')), 'mlp.c_proj'))
  }
  const last = tape.layerNorm(
    x,
    weights('transformer.ln_f.weight'),
    weights('transformer.ln_f.bias'),
    epsilon,
  )
  return tape.linear(last, weights(TOKEN_EMBEDDING))
}

function attend(
  tape: Tape,
  x: Value,
  layer: number,
  linear: (x: Value, name: string, hasBias?: boolean) => Value,
  { split, merged, globalMask, localMask, withPast }: AttentionContext,
): Value {
  const heads = (projection: string): Value =>
    tape.splitHeads(linear(x, `attn.attention.${projection}`, false), split, merged)
  const query = heads('q_proj')
  const freshKey = heads('k_proj')
  const freshValue = heads('v_proj')
  const key = withPast?.(layer, 'key', freshKey) ?? freshKey
  const value = withPast?.(layer, 'value', freshValue) ?? freshValue
  const mask = isLocalLayer(layer) ? localMask : globalMask
  const mixed = tape.mergeHeads(tape.attention(query, key, value, mask), split, merged)
  return linear(mixed, 'attn.attention.out_proj')
}

/** 0 where `allowed` (bool) holds, very negative elsewhere; finite, so that a row with nothing allowed stays a number. */
export function additiveMask(graph: GraphBuilder, allowed: Value): Value {
  return graph.node('Where', [allowed, graph.scalar(0), graph.scalar(-1e9)])
}
