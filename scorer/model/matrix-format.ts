import type { GraphBuilder, Value } from '../onnx/graph.js'
import { HALF_FORMAT } from './half-format.js'
import { INT8_FORMAT } from './int8-format.js'
import type { Precision } from './precision.js'

/** How matrices of a scoring graph are stored, and how rows are multiplied with them. Letters: N rows, I inputs, O outputs. */
export interface MatrixFormat {
  /** Stores the matrix `values` (O, I) under `name`. */
  store(graph: GraphBuilder, name: string, shape: readonly [number, number], values: Float32Array): void
  /** x (N, I), float32, times the transpose of the stored matrix: (N, O), float32. */
  multiply(graph: GraphBuilder, x: Value, name: string): Value
}

/** The formats that are not the runtime's own; float32 needs none. */
export const MATRIX_FORMATS: Readonly<Record<Exclude<Precision, 'float32'>, MatrixFormat>> = {
  float16: HALF_FORMAT,
  int8: INT8_FORMAT,
}
