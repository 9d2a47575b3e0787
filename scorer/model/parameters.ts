import type { GptNeoConfig } from './config.js'

/** One tensor inside the flat parameter vector. */
export interface ParameterSlice {
  /** Name in the published checkpoints. */
  readonly name: string
  readonly shape: readonly number[]
  /** First element within the flat vector. */
  readonly offset: number
  readonly size: number
}

export interface ParameterLayout {
  readonly slices: readonly ParameterSlice[]
  /** Elements of the whole vector. */
  readonly size: number
  /** Elements at its front that weight decay applies to: matrices and embeddings, not biases or norms. */
  readonly decayedSize: number
}

export const TOKEN_EMBEDDING = 'transformer.wte.weight'
export const POSITION_EMBEDDING = 'transformer.wpe.weight'

/** Lays the tensors of a GPT-Neo out in one vector: few tensors cross the runtime's border, and decayed ones stand together. */
export function parameterLayout(config: GptNeoConfig): ParameterLayout {
  return layOut([...tensorShapes(config)])
}

/** Lays tensors out one after the other, matrices first. */
export function layOut(
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
): ParameterLayout {
  const decayed = shapes.filter(([, shape]) => shape.length === 2)
  const others = shapes.filter(([, shape]) => shape.length !== 2)
  let offset = 0
  const slices = [...decayed, ...others].map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1)
    const slice = { name, shape, offset, size }
    offset += size
    return slice
  })
  const decayedSize = slices[decayed.length]?.offset ?? offset
  return { slices, size: offset, decayedSize }
}

function* tensorShapes(config: GptNeoConfig): Generator<[name: string, shape: readonly number[]]> {
  const { hiddenSize: d, intermediateSize: inner } = config
  yield [TOKEN_EMBEDDING, [config.vocabularySize, d]]
  yield [POSITION_EMBEDDING, [config.contextLength, d]]
  for (let layer = 0; layer < config.numLayers; layer++) {
    const block = `transformer.h.${layer}`
    yield [`${block}.ln_1.weight`, [d]]
    yield [`${block}.ln_1.bias`, [d]]
    for (const projection of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
      yield [`${block}.attn.attention.${projection}.weight`, [d, d]]
    }
    yield [`${block}.attn.attention.out_proj.bias`, [d]]
    yield [`${block}.ln_2.weight`, [d]]
    yield [`${block}.ln_2.bias`, [d]]
    yield [`${block}.mlp.c_fc.weight`, [inner, d]]
    yield [`${block}.mlp.c_fc.bias`, [inner]]
    yield [`${block}.mlp.c_proj.weight`, [d, inner]]
    yield [`${block}.mlp.c_proj.bias`, [d]]
  }
  yield ['transformer.ln_f.weight', [d]]
  yield ['transformer.ln_f.bias', [d]]
}

/** Deviation of GPT-Neo's own initialisation. */
const INITIAL_DEVIATION = 0.02

/** Initial parameters: norms 1, biases 0, the rest random. */
export function initialParameters(layout: ParameterLayout, normal: () => number): Float32Array {
  const parameters = new Float32Array(layout.size)
  for (const slice of layout.slices) {
    const values = parameters.subarray(slice.offset, slice.offset + slice.size)
    if (slice.shape.length === 2) fillNormal(values, normal)
    else if (/ln_\w+\.weight$/.test(slice.name)) values.fill(1)
  }
  return parameters
}

/** Fills a matrix or embedding as at the start of training. */
export function fillNormal(values: Float32Array, normal: () => number): void {
  for (let i = 0; i < values.length; i++) values[i] = INITIAL_DEVIATION * normal()
}
