/** Number formats that the matrices of a model may be multiplied in. Models are trained and calibrated in float32. */
export const PRECISIONS = ['float32', 'float16', 'int8'] as const
export type Precision = (typeof PRECISIONS)[number]
