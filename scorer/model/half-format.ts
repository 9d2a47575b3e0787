import type { GraphBuilder, Value } from '../onnx/graph.js'
import { ELEMENT_TYPES } from '../onnx/graph.js'
import type { MatrixFormat } from './matrix-format.js'

/** float16: rows are rounded to half precision, multiplied in it, and widened again. Half the memory; quick where the hardware has it. */
export const HALF_FORMAT: MatrixFormat = {
  store(graph, name, shape, values) {
    graph.external(name, 'float16', shape, new Uint8Array(toHalf(values).buffer))
  },

  multiply(graph: GraphBuilder, x: Value, name: string): Value {
    const rows = graph.node('Cast', [x], { to: ELEMENT_TYPES.float16 })
    const product = graph.node('Gemm', [rows, name], { transB: 1 })
    return graph.node('Cast', [product], { to: ELEMENT_TYPES.float32 })
  },
}

/** Bits of a float32 infinity, and of the least numbers that round to a half-precision infinity and to a normal number. */
const INFINITY_BITS = 0x7f80_0000
const OVERFLOW_BITS = 0x477f_f000
const NORMAL_BITS = 0x3880_0000
/** Exponent biases apart, 127 - 15, in the place of the exponent. */
const REBIAS = 112 << 23
/** Added to a number below the normal ones, this shifts its bits to where half precision keeps them, rounded to nearest even. */
const SUBNORMAL_MAGIC = 0.5

/** Numbers as half-precision bits, rounded to nearest, ties to even (IEEE 754 binary16). */
export function toHalf(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length)
  const one = new Float32Array(1)
  const bits = new Uint32Array(one.buffer)
  for (let i = 0; i < values.length; i++) {
    one[0] = values[i]!
    const sign = (bits[0]! >>> 16) & 0x8000
    const magnitude = bits[0]! & 0x7fff_ffff
    if (magnitude > INFINITY_BITS) halves[i] = sign | 0x7e00
    else if (magnitude >= OVERFLOW_BITS) halves[i] = sign | 0x7c00
    else if (magnitude >= NORMAL_BITS) {
      const tie = (magnitude >>> 13) & 1
      halves[i] = sign | ((magnitude - REBIAS + 0xfff + tie) >>> 13)
    } else {
      one[0] = Math.abs(values[i]!) + SUBNORMAL_MAGIC
      halves[i] = sign | (bits[0]! - 0x3f00_0000)
    }
  }
  return halves
}
