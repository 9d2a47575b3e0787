import { GraphBuilder, type Value } from '../onnx/graph.js'
import { Tape } from '../onnx/tape.js'
import { type AdamWSettings, adamW, addAdamW } from './adamw-graph.js'
import type { GptNeoConfig } from './config.js'
import { type ModelForm, wholeForm } from './form.js'
import { forward } from './forward.js'
import { sequenceContext } from './sequence-context.js'

export type { AdamWSettings } from './adamw-graph.js'

/** Values (B, T) of a batch: tokens and targets int32, weights 0 for what must not be learnt. */
interface BatchValues {
  readonly tokens: Value
  readonly targets: Value
  readonly weights: Value
}

/**
 * One training step: forward, backward, clipping and AdamW.
 *
 * In: parameters, firstMoments, secondMoments (size each); tokens, targets (B, T) int32; weights (B, T), 0 for what must not be learnt;
 * learningRate (); corrections (2): 1 - beta1^t and 1 - beta2^t. Beside them the frozen weights of the form, by name.
 * Out: loss (), gradientNorm (), nextParameters, nextFirstMoments, nextSecondMoments.
 */
export function trainGraph(
  config: GptNeoConfig,
  settings: AdamWSettings,
  form: ModelForm = wholeForm(config),
): Buffer {
  const { graph, parameters, gradient } = withGradient('train', config, form)
  addAdamW(graph, form.layout, settings, parameters, gradient)
  return graph.finish()
}

/** Loss and flat gradient alone, for checks against a reference. In and out as trainGraph; `gradient` (size). */
export function gradientGraph(config: GptNeoConfig, form: ModelForm = wholeForm(config)): Buffer {
  const { graph, gradient } = withGradient('gradient', config, form)
  graph.output('gradient', gradient, 'float32', [form.layout.size])
  return graph.finish()
}

/** A graph that computes the loss, which is an output, and its gradient (size). */
function withGradient(name: string, config: GptNeoConfig, form: ModelForm) {
  const graph = new GraphBuilder(name)
  form.declareFrozen(graph)
  const parameters = graph.input('parameters', 'float32', [form.layout.size])
  const batch = {
    tokens: graph.input('tokens', 'int32', ['B', 'T']),
    targets: graph.input('targets', 'int32', ['B', 'T']),
    weights: graph.input('weights', 'float32', ['B', 'T']),
  }
  const { loss, gradient } = lossAndGradient(graph, config, form, parameters, batch)
  graph.output('loss', loss, 'float32', [])
  return { graph, parameters, gradient }
}

/** Adds forward and backward; loss () and gradient (size). For `totalWeight` see Tape.crossEntropy. */
function lossAndGradient(
  graph: GraphBuilder,
  config: GptNeoConfig,
  form: ModelForm,
  parameters: Value,
  { tokens, targets, weights }: BatchValues,
  totalWeight?: Value,
): { loss: Value; gradient: Value } {
  const tape = new Tape(graph)
  const { ids, positions, ...context } = sequenceContext(graph, config, tokens)
  const model = form.unpack(tape, parameters)
  const logits = forward(tape, config, model.weights, ids, positions, context, model.project)
  const flat = (value: Value): Value => graph.node('Reshape', [value, graph.integers(-1)])
  const wanted = flat(graph.node('Cast', [targets], { to: 7 }))
  const loss = tape.crossEntropy(logits, wanted, flat(weights), config.vocabularySize, totalWeight)
  tape.backward(loss)
  return { loss, gradient: tape.gradient(parameters) }
}

/**
 * S training steps in one run, equal to as many runs of trainGraph: parameters and moments enter and leave the runtime once. A step may be
 * computed in up to M parts, one after the other, whose gradients add up to that of the whole batch: it takes the memory of a part.
 *
 * In: parameters, firstMoments, secondMoments (size each); tokens, targets (S, M, B, T) int32, weights (S, M, B, T), each part in the upper
 * left corner of its (B, T); extents (S, M, 2) int32, its rows and columns; numParts (S) int32, of M; learningRates (S); corrections (S, 2).
 * Beside them the frozen weights of the form, by name.
 * Out: losses (S), gradientNorms (S), nextParameters, nextFirstMoments, nextSecondMoments.
 */
export function trainLoopGraph(
  config: GptNeoConfig,
  settings: AdamWSettings,
  form: ModelForm = wholeForm(config),
): Buffer {
  const graph = new GraphBuilder('trainLoop')
  const { size } = form.layout
  form.declareFrozen(graph)
  const state = ['parameters', 'firstMoments', 'secondMoments'].map(name => ({
    value: graph.input(name, 'float32', [size]),
    shape: [size],
  }))
  const inputs = stepInputs(graph)
  const count = graph.node('Gather', [graph.node('Shape', [inputs.learningRates]), scalarIndex(graph, 0)])
  const { carried, collected } = graph.loop(
    count,
    state,
    (body, step, [parameters, firstMoments, secondMoments]) => {
      const at = (value: Value): Value => body.node('Gather', [value, step])
      const { loss, gradient } = sumOfParts(body, config, form, parameters!, {
        tokens: at(inputs.tokens),
        targets: at(inputs.targets),
        weights: at(inputs.weights),
        extents: at(inputs.extents),
        numParts: at(inputs.numParts),
      })
      const before = { parameters: parameters!, firstMoments: firstMoments!, secondMoments: secondMoments! }
      const { next, norm } = adamW(body, form.layout, settings, before, gradient, {
        learningRate: at(inputs.learningRates),
        corrections: at(inputs.corrections),
      })
      return {
        carried: [next.parameters, next.firstMoments, next.secondMoments],
        collected: [loss, norm],
      }
    },
  )
  const names = ['nextParameters', 'nextFirstMoments', 'nextSecondMoments']
  carried.forEach((value, i) => {
    graph.output(names[i]!, value, 'float32', [size])
  })
  graph.output('losses', collected[0]!, 'float32', ['S'])
  graph.output('gradientNorms', collected[1]!, 'float32', ['S'])
  return graph.finish()
}

function stepInputs(graph: GraphBuilder) {
  const shape = ['S', 'M', 'B', 'T']
  return {
    tokens: graph.input('tokens', 'int32', shape),
    targets: graph.input('targets', 'int32', shape),
    weights: graph.input('weights', 'float32', shape),
    extents: graph.input('extents', 'int32', ['S', 'M', 2]),
    numParts: graph.input('numParts', 'int32', ['S']),
    learningRates: graph.input('learningRates', 'float32', ['S']),
    corrections: graph.input('corrections', 'float32', ['S', 2]),
  }
}

/** Adds a loop over the parts (M, B, T) of one step; loss () and gradient (size) of the whole. */
function sumOfParts(
  graph: GraphBuilder,
  config: GptNeoConfig,
  form: ModelForm,
  parameters: Value,
  parts: BatchValues & { readonly extents: Value; readonly numParts: Value },
): { loss: Value; gradient: Value } {
  const { size } = form.layout
  const totalWeight = graph.node('ReduceSum', [parts.weights], { keepdims: 0 })
  const sums = [
    { value: graph.node('ConstantOfShape', [graph.integers(size)]), shape: [size] },
    { value: graph.scalar(0), shape: [] },
  ]
  const count = graph.node('Cast', [parts.numParts], { to: 7 })
  const { carried } = graph.loop(count, sums, (body, part, [gradientSum, lossSum]) => {
    const extent = body.node('Gather', [parts.extents, part])
    const corner = (value: Value): Value =>
      body.node('Slice', [body.node('Gather', [value, part]), body.constant('int32', [2], [0, 0]), extent])
    const batch = {
      tokens: corner(parts.tokens),
      targets: corner(parts.targets),
      weights: corner(parts.weights),
    }
    const { loss, gradient } = lossAndGradient(body, config, form, parameters, batch, totalWeight)
    return {
      carried: [body.node('Add', [gradientSum!, gradient]), body.node('Add', [lossSum!, loss])],
      collected: [],
    }
  })
  return { gradient: carried[0]!, loss: carried[1]! }
}

function scalarIndex(graph: GraphBuilder, index: number): Value {
  return graph.constant('int64', [], [index])
}
