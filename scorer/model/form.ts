import type { GraphBuilder, Value } from '../onnx/graph.js'
import type { Tape } from '../onnx/tape.js'
import type { GptNeoConfig } from './config.js'
import { type Projection, plainProjection, unpackWeights, type Weights } from './forward.js'
import { type ParameterLayout, parameterLayout } from './parameters.js'

/** In which form a model enters a graph: a flat vector of parameters, which is what training moves, and weights that stay as they are. */
export interface ModelForm {
  /** Of the flat vector. */
  readonly layout: ParameterLayout
  /** Declares an input for each weight that stays as it is, by its checkpoint name. Once a graph, at the outermost. */
  declareFrozen(graph: GraphBuilder): void
  /** Makes of the flat vector `parameters` (size) what `forward` takes. */
  unpack(tape: Tape, parameters: Value): { readonly weights: Weights; readonly project: Projection }
}

/** All weights are in the flat vector. */
export function wholeForm(config: GptNeoConfig): ModelForm {
  const layout = parameterLayout(config)
  return {
    layout,
    declareFrozen() {},
    unpack(tape, parameters) {
      const weights = unpackWeights(tape, parameters, layout)
      return { weights, project: plainProjection(tape, weights) }
    },
  }
}
