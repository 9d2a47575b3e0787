import type { GraphBuilder, Value } from '../onnx/graph.js'
import { Tape } from '../onnx/tape.js'
import type { GptNeoConfig } from './config.js'
import type { Weights } from './forward.js'
import { MATRIX_FORMATS, type MatrixFormat } from './matrix-format.js'
import { parameterLayout } from './parameters.js'
import type { Precision } from './precision.js'

/** A graph that holds its weights: the runtime arranges them once, when it loads them, and a device keeps them. */
export interface StoredGraph {
  readonly graph: Uint8Array
  /** Bytes of the weights, by the names the graph calls them. */
  readonly externals: ReadonlyMap<string, Uint8Array>
}

const isBlockMatrix = (name: string, shape: readonly number[]): boolean =>
  name.startsWith('transformer.h.') && shape.length === 2

/**
 * Operators over stored weights in some precision. Only the matrices of the blocks change their format: the token embedding, which is the head
 * too, gives the logits and is small beside them, and norms, softmax and the residual stream stay in float32.
 */
export class StoredTape extends Tape {
  readonly #format: MatrixFormat | undefined
  readonly #formatted = new Set<Value>()

  constructor(graph: GraphBuilder, precision: Precision) {
    super(graph)
    this.#format = precision === 'float32' ? undefined : MATRIX_FORMATS[precision]
  }

  /** The tensors of the flat `parameters` (size), each stored when it is first asked for. */
  weights(config: GptNeoConfig, parameters: Float32Array): Weights {
    const slices = new Map(parameterLayout(config).slices.map(slice => [slice.name, slice]))
    return name => {
      if (this.graph.externals.has(name)) return name
      const { shape, offset, size } = slices.get(name)!
      const values = parameters.subarray(offset, offset + size)
      if (this.#format === undefined || !isBlockMatrix(name, shape))
        return this.graph.external(name, 'float32', shape, bytesOf(values))
      this.#format.store(this.graph, name, [shape[0]!, shape[1]!], values)
      this.#formatted.add(name)
      return name
    }
  }

  override linear(x: Value, weight: Value, bias?: Value): Value {
    if (this.#format === undefined || !this.#formatted.has(weight)) return super.linear(x, weight, bias)
    const product = this.#format.multiply(this.graph, x, weight)
    return bias === undefined ? product : this.graph.node('Add', [product, bias])
  }
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
