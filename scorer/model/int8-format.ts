import type { GraphBuilder, Value } from '../onnx/graph.js'
import type { MatrixFormat } from './matrix-format.js'

/** Rows are stored as 1 to 255 around this, as unsigned times signed is what processors multiply fastest. */
const ZERO_POINT = 128
const ROW_LEVELS = 127
/**
 * Matrices use 7 of the 8 bits: processors without VNNI add pairs of products in 16 bits, which 255 x 127 x 2 overflows and 255 x 63 x 2 does
 * not. So the same model gives the same answer on each of them.
 */
const MATRIX_LEVELS = 63
/** Keeps rows of zeros from dividing by zero. */
const LEAST_PEAK = 1e-20

/**
 * int8: each output's weights have a scale of their own, found ahead; each row of the input gets its scale when it comes. As no row looks at
 * another, neighbours in a batch change nothing.
 */
export const INT8_FORMAT: MatrixFormat = {
  store(graph, name, [outputs, inputs], values) {
    const { levels, scales } = quantise(values, outputs, inputs)
    graph.external(name, 'int8', [inputs, outputs], new Uint8Array(levels.buffer))
    graph.external(scaleName(name), 'float32', [outputs], new Uint8Array(scales.buffer))
  },

  multiply(graph: GraphBuilder, x: Value, name: string): Value {
    const zero = graph.constant('uint8', [], [ZERO_POINT])
    const peak = graph.node('ReduceMax', [graph.node('Abs', [x])], { axes: [1], keepdims: 1 })
    const scale = graph.node('Mul', [
      graph.node('Max', [peak, graph.scalar(LEAST_PEAK)]),
      graph.scalar(1 / ROW_LEVELS),
    ])
    const levels = graph.node('QuantizeLinear', [graph.node('Div', [x, scale]), graph.scalar(1), zero])
    const product = graph.fused('MatMulIntegerToFloat', [
      levels,
      name,
      graph.scalar(1),
      scaleName(name),
      zero,
    ])
    return graph.node('Mul', [product, scale])
  },
}

const scaleName = (name: string): string => `${name}.scale`

/** A matrix (O, I) as its transpose in levels (I, O), with the scale (O) of each output. */
function quantise(
  values: Float32Array,
  outputs: number,
  inputs: number,
): { levels: Int8Array; scales: Float32Array } {
  const levels = new Int8Array(inputs * outputs)
  const scales = new Float32Array(outputs)
  for (let o = 0; o < outputs; o++) {
    const row = values.subarray(o * inputs, (o + 1) * inputs)
    let peak = LEAST_PEAK
    for (const value of row) peak = Math.max(peak, Math.abs(value))
    scales[o] = peak / MATRIX_LEVELS
    for (let i = 0; i < inputs; i++) levels[i * outputs + o] = Math.round(row[i]! / scales[o]!)
  }
  return { levels, scales }
}
