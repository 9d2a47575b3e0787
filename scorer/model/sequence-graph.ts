import { GraphBuilder } from '../onnx/graph.js'
import { Tape } from '../onnx/tape.js'
import type { GptNeoConfig } from './config.js'
import { type ModelForm, wholeForm } from './form.js'
import { forward, type Projection, type Weights } from './forward.js'
import type { Precision } from './precision.js'
import { sequenceContext } from './sequence-context.js'
import { type StoredGraph, StoredTape } from './stored-tape.js'

/**
 * The graph that scores whole sequences.
 *
 * In: parameters (size), tokens (B, T) int32, targets (B, T) int32: the token that followed each. Beside them the frozen weights of the form.
 * Out: surprises (B, T), -ln p(target); ranks (B, T), how many tokens were more likely than the target; rarities (B, T), -ln of the probability of
 * the target and all that are no likelier.
 */
export function sequenceGraph(config: GptNeoConfig, form: ModelForm = wholeForm(config)): Buffer {
  const graph = new GraphBuilder('sequence')
  const tape = new Tape(graph)
  form.declareFrozen(graph)
  const parameters = graph.input('parameters', 'float32', [form.layout.size])
  const { weights, project } = form.unpack(tape, parameters)
  addSequence(tape, config, weights, project)
  return graph.finish()
}

/** As sequenceGraph, without the input `parameters` (size): they are stored in it. */
export function storedSequenceGraph(
  config: GptNeoConfig,
  parameters: Float32Array,
  precision: Precision,
): StoredGraph {
  const graph = new GraphBuilder('sequence')
  const tape = new StoredTape(graph, precision)
  addSequence(tape, config, tape.weights(config, parameters))
  return { graph: graph.finish(), externals: graph.externals }
}

function addSequence(tape: Tape, config: GptNeoConfig, weights: Weights, project?: Projection): void {
  const { graph } = tape
  const tokens = graph.input('tokens', 'int32', ['B', 'T'])
  const targets = graph.input('targets', 'int32', ['B', 'T'])

  const { ids, positions, ...context } = sequenceContext(graph, config, tokens)
  const logits = forward(tape, config, weights, ids, positions, context, project)
  const shape = graph.node('Shape', [tokens])
  const wanted = graph.node('Reshape', [graph.node('Cast', [targets], { to: 7 }), graph.integers(-1, 1)])
  const logProbabilities = graph.node('LogSoftmax', [logits], { axis: -1 })
  const observed = graph.node('GatherElements', [logProbabilities, wanted], { axis: 1 })
  const likelier = graph.node('Cast', [graph.node('Greater', [logProbabilities, observed])], { to: 1 })
  const ranks = graph.node('ReduceSum', [likelier, graph.integers(1)], { keepdims: 0 })
  const noLikelier = graph.node('Mul', [
    graph.node('Exp', [logProbabilities]),
    graph.node('Cast', [graph.node('LessOrEqual', [logProbabilities, observed])], { to: 1 }),
  ])
  const rarities = graph.node('Neg', [
    graph.node('Log', [graph.node('ReduceSum', [noLikelier, graph.integers(1)], { keepdims: 0 })]),
  ])
  graph.output('surprises', graph.node('Reshape', [graph.node('Neg', [observed]), shape]), 'float32', [
    'B',
    'T',
  ])
  graph.output('ranks', graph.node('Reshape', [ranks, shape]), 'float32', ['B', 'T'])
  graph.output('rarities', graph.node('Reshape', [rarities, shape]), 'float32', ['B', 'T'])
}
