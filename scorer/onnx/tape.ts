import type { GraphBuilder, Value } from './graph.js'

/** Constants of gelu_new: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
const GELU_SCALE = Math.sqrt(2 / Math.PI)
const GELU_CUBIC = 0.044715

/**
 * The operators a GPT-Neo and the losses on it need, each with its derivative: calling one adds its forward nodes to the graph and remembers how to add its
 * backward nodes. Letters: N rows (batch times time), B batch, T time, S keys seen, H heads, E width of a head, D width, V vocabulary.
 */
export class Tape {
  readonly #gradients = new Map<Value, Value>()
  readonly #backward: (() => void)[] = []

  constructor(readonly graph: GraphBuilder) {}

  /** Adds the backward nodes of everything `loss` (a scalar) depends on. */
  backward(loss: Value): void {
    this.#gradients.set(loss, this.graph.scalar(1))
    for (const step of this.#backward.toReversed()) step()
  }

  /** The gradient of the loss with respect to `value`; call after backward. */
  gradient(value: Value): Value {
    const gradient = this.#gradients.get(value)
    if (gradient === undefined) throw new Error(`no gradient reached ${value}`)
    return gradient
  }

  /** a + b, of one shape. */
  add(a: Value, b: Value): Value {
    const y = this.graph.node('Add', [a, b])
    return this.#record(y, dy => {
      this.#accumulate(a, dy)
      this.#accumulate(b, dy)
    })
  }

  /** a - b, of one shape. */
  subtract(a: Value, b: Value): Value {
    const g = this.graph
    const y = g.node('Sub', [a, b])
    return this.#record(y, dy => {
      this.#accumulate(a, dy)
      this.#accumulate(b, g.node('Neg', [dy]))
    })
  }

  /** x (N, I) times the transpose of weight (O, I), plus bias (O): (N, O). */
  linear(x: Value, weight: Value, bias?: Value): Value {
    const g = this.graph
    const y = g.node('Gemm', bias === undefined ? [x, weight] : [x, weight, bias], { transB: 1 })
    return this.#record(y, dy => {
      this.#accumulate(x, g.node('Gemm', [dy, weight]))
      this.#accumulate(weight, g.node('Gemm', [dy, x], { transA: 1 }))
      if (bias !== undefined) this.#accumulate(bias, this.#sumRows(dy))
    })
  }

  /** x times a number. */
  scale(x: Value, factor: number): Value {
    const g = this.graph
    const y = g.node('Mul', [x, g.scalar(factor)])
    return this.#record(y, dy => this.#accumulate(x, g.node('Mul', [dy, g.scalar(factor)])))
  }

  /** Rows of table (V, D) at ids (N): (N, D). The gradient is the one-hot matrix of ids, transposed, times dy. */
  embedding(table: Value, ids: Value, numRows: number): Value {
    const g = this.graph
    const y = g.node('Gather', [table, ids])
    return this.#record(y, dy =>
      this.#accumulate(table, g.node('Gemm', [this.oneHot(ids, numRows), dy], { transA: 1 })),
    )
  }

  /** Normalises each row of x (N, D), then scales by gain (D) and shifts by bias (D). */
  layerNorm(x: Value, gain: Value, bias: Value, epsilon: number): Value {
    const g = this.graph
    const [y, mean, inverseDeviation] = g.nodes('LayerNormalization', [x, gain, bias], 3, {
      axis: -1,
      epsilon: { float: epsilon },
    }) as [Value, Value, Value]
    return this.#record(y, dy => {
      const normalised = g.node('Mul', [g.node('Sub', [x, mean]), inverseDeviation])
      this.#accumulate(gain, this.#sumRows(g.node('Mul', [dy, normalised])))
      this.#accumulate(bias, this.#sumRows(dy))
      const d = g.node('Mul', [dy, gain])
      const centred = g.node('Sub', [d, this.#meanOfRow(d)])
      const along = g.node('Mul', [normalised, this.#meanOfRow(g.node('Mul', [d, normalised]))])
      this.#accumulate(x, g.node('Mul', [g.node('Sub', [centred, along]), inverseDeviation]))
    })
  }

  /** gelu_new, the tanh approximation GPT-Neo was trained with. */
  gelu(x: Value): Value {
    const g = this.graph
    const square = g.node('Mul', [x, x])
    const inner = g.node('Add', [
      g.node('Mul', [square, g.scalar(GELU_CUBIC * GELU_SCALE)]),
      g.scalar(GELU_SCALE),
    ])
    const tanh = g.node('Tanh', [g.node('Mul', [x, inner])])
    const gate = g.node('Mul', [g.node('Add', [tanh, g.scalar(1)]), g.scalar(0.5)])
    const y = g.node('Mul', [x, gate])
    return this.#record(y, dy => {
      const slope = g.node('Add', [
        g.node('Mul', [square, g.scalar(3 * GELU_CUBIC * GELU_SCALE)]),
        g.scalar(GELU_SCALE),
      ])
      const tanhSlope = g.node('Sub', [
        g.scalar(0.5),
        g.node('Mul', [g.node('Mul', [tanh, tanh]), g.scalar(0.5)]),
      ])
      const derivative = g.node('Add', [gate, g.node('Mul', [g.node('Mul', [x, tanhSlope]), slope])])
      this.#accumulate(x, g.node('Mul', [dy, derivative]))
    })
  }

  /** x (N, D) as (B, H, T, E); `split` is the shape (B, T, H, E) as a value, `merged` the shape (N, D). */
  splitHeads(x: Value, split: Value, merged: Value): Value {
    const g = this.graph
    const y = g.node('Transpose', [g.node('Reshape', [x, split])], { perm: [0, 2, 1, 3] })
    return this.#record(y, dy =>
      this.#accumulate(x, g.node('Reshape', [g.node('Transpose', [dy], { perm: [0, 2, 1, 3] }), merged])),
    )
  }

  /** The inverse of splitHeads: (B, H, T, E) as (N, D). */
  mergeHeads(x: Value, split: Value, merged: Value): Value {
    const g = this.graph
    const y = g.node('Reshape', [g.node('Transpose', [x], { perm: [0, 2, 1, 3] }), merged])
    return this.#record(y, dy =>
      this.#accumulate(x, g.node('Transpose', [g.node('Reshape', [dy, split])], { perm: [0, 2, 1, 3] })),
    )
  }

  /** softmax(q kT + mask) v, without the usual 1/sqrt(E): GPT-Neo does not scale. q (B, H, T, E), k and v (B, H, S, E). */
  attention(q: Value, k: Value, v: Value, mask: Value): Value {
    const g = this.graph
    const scores = g.node('Add', [g.fused('FusedMatMul', [q, k], { transB: 1 }), mask])
    const weights = g.node('Softmax', [scores], { axis: -1 })
    const y = g.node('MatMul', [weights, v])
    return this.#record(y, dy => {
      this.#accumulate(v, g.fused('FusedMatMul', [weights, dy], { transA: 1 }))
      const dWeights = g.fused('FusedMatMul', [dy, v], { transB: 1 })
      const weighted = g.node('Mul', [dWeights, weights])
      const total = g.node('ReduceSum', [weighted, g.integers(-1)], { keepdims: 1 })
      const dScores = g.node('Sub', [weighted, g.node('Mul', [weights, total])])
      this.#accumulate(q, g.node('MatMul', [dScores, k]))
      this.#accumulate(k, g.fused('FusedMatMul', [dScores, q], { transA: 1 }))
    })
  }

  /**
   * Mean of -log softmax(logits)[target] over rows, weighted. logits (N, V), targets (N), weights (N): a scalar. Paper, Eq. 2. Where the rows are
   * a part of more, `totalWeight` (a scalar) is the weight of all, and the results of the parts add up to the mean.
   */
  crossEntropy(
    logits: Value,
    targets: Value,
    weights: Value,
    vocabularySize: number,
    totalWeight = this.graph.node('ReduceSum', [weights], { keepdims: 0 }),
  ): Value {
    const g = this.graph
    const logProbabilities = g.node('LogSoftmax', [logits], { axis: -1 })
    const share = g.node('Div', [weights, totalWeight])
    const target = this.oneHot(targets, vocabularySize)
    const perRow = g.node('ReduceSum', [g.node('Mul', [logProbabilities, target]), g.integers(1)], {
      keepdims: 0,
    })
    const loss = g.node('Neg', [g.node('ReduceSum', [g.node('Mul', [perRow, share])], { keepdims: 0 })])
    return this.#record(loss, dy => {
      const difference = g.node('Sub', [g.node('Exp', [logProbabilities]), target])
      const scale = this.#column(g.node('Mul', [share, dy]))
      this.#accumulate(logits, g.node('Mul', [difference, scale]))
    })
  }

  /** x (N, V) to ln softmax(x), row by row. */
  logSoftmax(x: Value): Value {
    const g = this.graph
    const y = g.node('LogSoftmax', [x], { axis: -1 })
    return this.#record(y, dy => {
      const total = g.node('ReduceSum', [dy, g.integers(1)], { keepdims: 1 })
      this.#accumulate(x, g.node('Sub', [dy, g.node('Mul', [g.node('Exp', [y]), total])]))
    })
  }

  /** The element of each row of x (N, V) at ids (N): (N). */
  pick(x: Value, ids: Value, size: number): Value {
    const chosen = this.oneHot(ids, size)
    const y = this.graph.node('ReduceSum', [this.graph.node('Mul', [x, chosen]), this.graph.integers(1)], {
      keepdims: 0,
    })
    return this.#record(y, dy => this.#accumulate(x, this.graph.node('Mul', [this.#column(dy), chosen])))
  }

  /** Sums the rows of x (N, V): (N). */
  rowSums(x: Value): Value {
    const g = this.graph
    const y = g.node('ReduceSum', [x, g.integers(1)], { keepdims: 0 })
    return this.#record(y, dy =>
      this.#accumulate(x, g.node('Expand', [this.#column(dy), g.node('Shape', [x])])),
    )
  }

  /** Sum of x (N) weighted by share (N): a scalar. */
  weightedSum(x: Value, share: Value): Value {
    const g = this.graph
    const y = g.node('ReduceSum', [g.node('Mul', [x, share])], { keepdims: 0 })
    return this.#record(y, dy => this.#accumulate(x, g.node('Mul', [share, dy])))
  }

  exp(x: Value): Value {
    const y = this.graph.node('Exp', [x])
    return this.#record(y, dy => this.#accumulate(x, this.graph.node('Mul', [dy, y])))
  }

  /** a times b, of one shape. */
  multiply(a: Value, b: Value): Value {
    const g = this.graph
    const y = g.node('Mul', [a, b])
    return this.#record(y, dy => {
      this.#accumulate(a, g.node('Mul', [dy, b]))
      this.#accumulate(b, g.node('Mul', [dy, a]))
    })
  }

  /** The smaller of a and b, of one shape; where they are equal, a is taken. */
  minimum(a: Value, b: Value): Value {
    const g = this.graph
    const isFirst = g.node('LessOrEqual', [a, b])
    const y = g.node('Where', [isFirst, a, b])
    return this.#record(y, dy => {
      this.#accumulate(a, g.node('Where', [isFirst, dy, g.scalar(0)]))
      this.#accumulate(b, g.node('Where', [isFirst, g.scalar(0), dy]))
    })
  }

  /** x, held within [low, high]; outside, no gradient passes. */
  clip(x: Value, low: number, high: number): Value {
    const g = this.graph
    const y = g.node('Clip', [x, g.scalar(low), g.scalar(high)])
    return this.#record(y, dy => {
      const isInside = g.node('Equal', [x, y])
      this.#accumulate(x, g.node('Where', [isInside, dy, g.scalar(0)]))
    })
  }

  /** Splits a flat vector into tensors of the given shapes; the gradient of the vector is their gradients joined. */
  unpack(flat: Value, shapes: readonly (readonly number[])[]): Value[] {
    const g = this.graph
    const sizes = shapes.map(shape => shape.reduce((product, size) => product * size, 1))
    const pieces = g.nodes('Split', [flat, g.integers(...sizes)], shapes.length, { axis: 0 })
    const tensors = pieces.map((piece, i) => g.node('Reshape', [piece, g.integers(...shapes[i]!)]))
    this.#backward.push(() => {
      const flatGradients = tensors.map(tensor => g.node('Reshape', [this.gradient(tensor), g.integers(-1)]))
      this.#accumulate(flat, g.node('Concat', flatGradients, { axis: 0 }))
    })
    return tensors
  }

  /** ids (N) as a (N, size) matrix of zeros and ones. */
  oneHot(ids: Value, size: number): Value {
    return this.graph.node('OneHot', [
      ids,
      this.graph.integers(size),
      this.graph.constant('float32', [2], [0, 1]),
    ])
  }

  #record(y: Value, backward: (dy: Value) => void): Value {
    this.#backward.push(() => {
      const dy = this.#gradients.get(y)
      if (dy !== undefined) backward(dy)
    })
    return y
  }

  #accumulate(value: Value, gradient: Value): void {
    const known = this.#gradients.get(value)
    this.#gradients.set(value, known === undefined ? gradient : this.graph.node('Add', [known, gradient]))
  }

  /** x (N) as a column (N, 1). */
  #column(x: Value): Value {
    return this.graph.node('Unsqueeze', [x, this.graph.integers(1)])
  }

  #sumRows(x: Value): Value {
    return this.graph.node('ReduceSum', [x, this.graph.integers(0)], { keepdims: 0 })
  }

  #meanOfRow(x: Value): Value {
    return this.graph.node('ReduceMean', [x], { axes: [-1], keepdims: 1 })
  }
}
