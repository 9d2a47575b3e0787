import { GraphBuilder, type Value } from '../onnx/graph.js'
import type { ParameterLayout } from './parameters.js'

/** Settings of AdamW that stay fixed during a run (Loshchilov and Hutter, 2019). */
export interface AdamWSettings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** Gradients longer than this are shortened to it (global norm). */
  readonly maxGradientNorm: number
}

/** What AdamW carries from step to step; vectors of the layout's size. */
export interface AdamWState {
  readonly parameters: Value
  readonly firstMoments: Value
  readonly secondMoments: Value
}

/** What one step is told: learningRate (); corrections (2), 1 - beta1^t and 1 - beta2^t. */
export interface AdamWStep {
  readonly learningRate: Value
  readonly corrections: Value
}

/**
 * Adds a step of AdamW with inputs and outputs of its own to a graph whose `parameters` and `gradient` (size) are there already.
 *
 * In: firstMoments, secondMoments (size); learningRate (); corrections (2).
 * Out: gradientNorm (), nextParameters, nextFirstMoments, nextSecondMoments.
 */
export function addAdamW(
  graph: GraphBuilder,
  layout: ParameterLayout,
  settings: AdamWSettings,
  parameters: Value,
  gradient: Value,
): void {
  const firstMoments = graph.input('firstMoments', 'float32', [layout.size])
  const secondMoments = graph.input('secondMoments', 'float32', [layout.size])
  const learningRate = graph.input('learningRate', 'float32', [])
  const corrections = graph.input('corrections', 'float32', [2])
  const state = { parameters, firstMoments, secondMoments }
  const { next, norm } = adamW(graph, layout, settings, state, gradient, { learningRate, corrections })
  graph.output('gradientNorm', norm, 'float32', [])
  graph.output('nextParameters', next.parameters, 'float32', [layout.size])
  graph.output('nextFirstMoments', next.firstMoments, 'float32', [layout.size])
  graph.output('nextSecondMoments', next.secondMoments, 'float32', [layout.size])
}

/** A step of AdamW alone. In: parameters, gradient (size), and the inputs of addAdamW. Out: as there. */
export function adamWGraph(layout: ParameterLayout, settings: AdamWSettings): Buffer {
  const graph = new GraphBuilder('adamw')
  const parameters = graph.input('parameters', 'float32', [layout.size])
  addAdamW(graph, layout, settings, parameters, graph.input('gradient', 'float32', [layout.size]))
  return graph.finish()
}

/** Adds the arithmetic of a step; `norm` () is the length of the gradient before clipping. */
export function adamW(
  graph: GraphBuilder,
  layout: ParameterLayout,
  settings: AdamWSettings,
  state: AdamWState,
  gradient: Value,
  { learningRate, corrections }: AdamWStep,
): { readonly next: AdamWState; readonly norm: Value } {
  const { beta1, beta2, epsilon, weightDecay } = settings
  const { clipped, norm } = clip(graph, gradient, settings.maxGradientNorm)
  const [correction1, correction2] = graph.nodes('Split', [corrections, graph.integers(1, 1)], 2, {
    axis: 0,
  }) as [Value, Value]
  const blend = (old: Value, fresh: Value, beta: number): Value =>
    graph.node('Add', [
      graph.node('Mul', [old, graph.scalar(beta)]),
      graph.node('Mul', [fresh, graph.scalar(1 - beta)]),
    ])
  const firstMoments = blend(state.firstMoments, clipped, beta1)
  const secondMoments = blend(state.secondMoments, graph.node('Mul', [clipped, clipped]), beta2)
  const denominator = graph.node('Add', [
    graph.node('Sqrt', [graph.node('Div', [secondMoments, correction2])]),
    graph.scalar(epsilon),
  ])
  const update = graph.node('Div', [graph.node('Div', [firstMoments, correction1]), denominator])
  const parameters = graph.node('Sub', [
    decay(graph, layout, state.parameters, learningRate, weightDecay),
    graph.node('Mul', [update, learningRate]),
  ])
  return { next: { parameters, firstMoments, secondMoments }, norm }
}

/** Shortens the gradient to `maxNorm` where it is longer. */
function clip(graph: GraphBuilder, gradient: Value, maxNorm: number): { clipped: Value; norm: Value } {
  const norm = graph.node('Sqrt', [graph.node('ReduceSumSquare', [gradient], { keepdims: 0 })])
  const shrink = graph.node('Min', [graph.node('Div', [graph.scalar(maxNorm), norm]), graph.scalar(1)])
  return { clipped: graph.node('Mul', [gradient, shrink]), norm }
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
