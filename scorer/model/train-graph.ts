import { GraphBuilder, type Value } from '../onnx/graph.js'
import { Tape } from '../onnx/tape.js'
import type { GptNeoConfig } from './config.js'
import { forward, unpackWeights } from './forward.js'
import { type ParameterLayout, parameterLayout } from './parameters.js'
import { sequenceContext } from './sequence-context.js'

/** Settings of AdamW that stay fixed during a run (Loshchilov and Hutter, 2019). */
export interface AdamWSettings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** Gradients longer than this are shortened to it (global norm). */
  readonly maxGradientNorm: number
}

/**
 * One training step: forward, backward, clipping and AdamW.
 *
 * In: parameters, firstMoments, secondMoments (size each); tokens, targets (B, T) int32; weights (B, T), 0 for what must not be learnt;
 * learningRate (); corrections (2): 1 - beta1^t and 1 - beta2^t.
 * Out: loss (), gradientNorm (), nextParameters, nextFirstMoments, nextSecondMoments.
 */
export function trainGraph(config: GptNeoConfig, settings: AdamWSettings): Buffer {
  const { graph, layout, parameters, gradient } = withGradient('train', config)
  addAdamW(graph, layout, settings, parameters, gradient)
  return graph.finish()
}

/** Loss and flat gradient alone, for checks against a reference. In and out as trainGraph; `gradient` (size). */
export function gradientGraph(config: GptNeoConfig): Buffer {
  const { graph, layout, gradient } = withGradient('gradient', config)
  graph.output('gradient', gradient, 'float32', [layout.size])
  return graph.finish()
}

/** A graph that computes the loss, which is an output, and its gradient (size). */
function withGradient(name: string, config: GptNeoConfig) {
  const graph = new GraphBuilder(name)
  const tape = new Tape(graph)
  const layout = parameterLayout(config)
  const parameters = graph.input('parameters', 'float32', [layout.size])
  const loss = addLoss(tape, config, layout, parameters)
  tape.backward(loss)
  graph.output('loss', loss, 'float32', [])
  return { graph, layout, parameters, gradient: tape.gradient(parameters) }
}

function addLoss(tape: Tape, config: GptNeoConfig, layout: ParameterLayout, parameters: Value): Value {
  const { graph } = tape
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const targets = graph.input('targets', 'int32', ['B', 'T'])
  const weights = graph.input('weights', 'float32', ['B', 'T'])
  const { ids, positions, ...context } = sequenceContext(graph, config, tokens)
  const logits = forward(tape, config, unpackWeights(tape, parameters, layout), ids, positions, context)
  const flat = (value: Value): Value => graph.node('Reshape', [value, graph.integers(-1)])
  const wanted = flat(graph.node('Cast', [targets], { to: 7 }))
  return tape.crossEntropy(logits, wanted, flat(weights), config.vocabularySize)
}

/** Adds clipping and AdamW: the inputs and outputs of trainGraph that are about parameters and moments. */
export function addAdamW(
  graph: GraphBuilder,
  layout: ParameterLayout,
  settings: AdamWSettings,
  parameters: Value,
  gradient: Value,
): void {
  const { beta1, beta2, epsilon, weightDecay, maxGradientNorm } = settings
  const first = graph.input('firstMoments', 'float32', [layout.size])
  const second = graph.input('secondMoments', 'float32', [layout.size])
  const learningRate = graph.input('learningRate', 'float32', [])
  const corrections = graph.input('corrections', 'float32', [2])
  const [correction1, correction2] = graph.nodes('Split', [corrections, graph.integers(1, 1)], 2, {
    axis: 0,
  }) as [Value, Value]

  const norm = graph.node('Sqrt', [graph.node('ReduceSumSquare', [gradient], { keepdims: 0 })])
  const shrink = graph.node('Min', [
    graph.node('Div', [graph.scalar(maxGradientNorm), norm]),
    graph.scalar(1),
  ])
  const clipped = graph.node('Mul', [gradient, shrink])

  const blend = (old: Value, fresh: Value, beta: number): Value =>
    graph.node('Add', [
      graph.node('Mul', [old, graph.scalar(beta)]),
      graph.node('Mul', [fresh, graph.scalar(1 - beta)]),
    ])
  const nextFirst = blend(first, clipped, beta1)
  const nextSecond = blend(second, graph.node('Mul', [clipped, clipped]), beta2)
  const denominator = graph.node('Add', [
    graph.node('Sqrt', [graph.node('Div', [nextSecond, correction2])]),
    graph.scalar(epsilon),
  ])
  const update = graph.node('Div', [graph.node('Div', [nextFirst, correction1]), denominator])
  const moved = graph.node('Sub', [
    decay(graph, layout, parameters, learningRate, weightDecay),
    graph.node('Mul', [update, learningRate]),
  ])

  graph.output('gradientNorm', norm, 'float32', [])
  graph.output('nextParameters', moved, 'float32', [layout.size])
  graph.output('nextFirstMoments', nextFirst, 'float32', [layout.size])
  graph.output('nextSecondMoments', nextSecond, 'float32', [layout.size])
}

/** parameters times (1 - learningRate weightDecay), matrices and embeddings only. */
function decay(
  graph: GraphBuilder,
  layout: ParameterLayout,
  parameters: Value,
  learningRate: Value,
  weightDecay: number,
): Value {
  const sizes = graph.integers(layout.decayedSize, layout.size - layout.decayedSize)
  const [decayed, kept] = graph.nodes('Split', [parameters, sizes], 2, { axis: 0 }) as [Value, Value]
  const factor = graph.node('Sub', [
    graph.scalar(1),
    graph.node('Mul', [learningRate, graph.scalar(weightDecay)]),
  ])
  return graph.node('Concat', [graph.node('Mul', [decayed, factor]), kept], { axis: 0 })
}
