import type { Value } from '../onnx/graph.js'
import type { Tape } from '../onnx/tape.js'
import type { Feeds } from '../runtime.js'
import type { GptNeoConfig } from './config.js'
import type { ModelForm } from './form.js'
import { unpackWeights } from './forward.js'
import { layOut, type ParameterLayout, type ParameterSlice, parameterLayout } from './parameters.js'

/**
 * Low-rank adapters (Hu et al., 2021, LoRA): a frozen weight W (O, I) acts as W + (alpha / r) B A, with A (r, I) and B (O, r) trained. B starts
 * at 0, so training starts from the model as it is. alpha is a constant, so that another rank needs no other learning rate (section 4.1).
 */
export const ADAPTER_ALPHA = 16

/**
 * All linear layers of the blocks get adapters, not attention alone: log keys are a language the base never saw, and with all layers adapted
 * training comes as far as with all weights (Dettmers et al., 2023, figure 2).
 */
const ADAPTED = /\.h\.\d+\.(attn\.attention\.\w+_proj|mlp\.c_\w+)\.weight$/

/** Trained themselves: the token embedding, which is fresh (and the head, being tied), and the last norm, next to it. */
const TRAINED = /^transformer\.(wte\.weight|ln_f\.(weight|bias))$/

const isAdapted = ({ name }: ParameterSlice): boolean => ADAPTED.test(name)
const isTrained = ({ name }: ParameterSlice): boolean => TRAINED.test(name)
const downName = (weight: string): string => weight.replace(/weight$/, 'lora_A')
const upName = (weight: string): string => weight.replace(/weight$/, 'lora_B')

/** What is trained of a model with adapters of rank r: embedding and last norm, and A and B of each linear layer. */
export function adapterLayout(config: GptNeoConfig, rank: number): ParameterLayout {
  const { slices } = parameterLayout(config)
  return layOut([
    ...slices.filter(isTrained).map(({ name, shape }) => [name, shape] as const),
    ...slices
      .filter(isAdapted)
      .flatMap(({ name, shape }) => [
        [downName(name), [rank, shape[1]!]] as const,
        [upName(name), [shape[0]!, rank]] as const,
      ]),
  ])
}

/** The flat vector holds what adapterLayout says; all other weights are inputs by name, see frozenFeeds. */
export function adaptedForm(config: GptNeoConfig, rank: number): ModelForm {
  const layout = adapterLayout(config, rank)
  const frozen = frozenSlices(config)
  const frozenNames = new Set(frozen.map(({ name }) => name))
  return {
    layout,
    declareFrozen(graph) {
      for (const { name, shape } of frozen) graph.input(name, 'float32', shape)
    },
    unpack(tape, parameters) {
      const trained = unpackWeights(tape, parameters, layout)
      return {
        weights: name => (frozenNames.has(name) ? name : trained(name)),
        project: (x, name, bias) => adaptedLinear(tape, x, `${name}.weight`, trained, rank, bias),
      }
    },
  }
}

/** x WT + (alpha / r) (x AT) BT: two thin products, W itself is not touched. */
function adaptedLinear(
  tape: Tape,
  x: Value,
  weight: string,
  trained: (name: string) => Value,
  rank: number,
  bias: Value | undefined,
): Value {
  const down = tape.linear(x, trained(downName(weight)))
  const delta = tape.linear(tape.scale(down, ADAPTER_ALPHA / rank), trained(upName(weight)))
  return tape.add(tape.linear(x, weight, bias), delta)
}

/** The weights that stay as they are, as inputs for a graph: views into `base`, the whole model (size of parameterLayout). */
export function frozenFeeds(config: GptNeoConfig, base: Float32Array): Feeds {
  return Object.fromEntries(
    frozenSlices(config).map(({ name, shape, offset, size }) => [
      name,
      { data: base.subarray(offset, offset + size), shape },
    ]),
  )
}

function frozenSlices(config: GptNeoConfig): ParameterSlice[] {
  return parameterLayout(config).slices.filter(slice => !isTrained(slice))
}

/** Adapters as training starts with them: embedding and norm from `base`, A normal with variance 1/I, B zero. */
export function initialAdapters(
  config: GptNeoConfig,
  rank: number,
  base: Float32Array,
  normal: () => number,
): Float32Array {
  const layout = adapterLayout(config, rank)
  const whole = new Map(parameterLayout(config).slices.map(slice => [slice.name, slice]))
  const parameters = new Float32Array(layout.size)
  for (const { name, shape, offset, size } of layout.slices) {
    const source = whole.get(name)
    if (source !== undefined) parameters.set(base.subarray(source.offset, source.offset + size), offset)
    else if (name.endsWith('lora_A'))
      for (let i = 0; i < size; i++) parameters[offset + i] = normal() / Math.sqrt(shape[1]!)
  }
  return parameters
}

/** Writes trained adapters into `base`: W becomes W + (alpha / r) B A. In place, as a large model is not held twice. */
export function mergeAdapters(
  config: GptNeoConfig,
  rank: number,
  base: Float32Array,
  adapters: Float32Array,
): void {
  const trained = new Map(adapterLayout(config, rank).slices.map(slice => [slice.name, slice]))
  const view = (name: string): Float32Array => {
    const { offset, size } = trained.get(name)!
    return adapters.subarray(offset, offset + size)
  }
  for (const slice of parameterLayout(config).slices) {
    const weight = base.subarray(slice.offset, slice.offset + slice.size)
    if (isTrained(slice)) weight.set(view(slice.name))
    else if (isAdapted(slice)) addProduct(weight, view(upName(slice.name)), view(downName(slice.name)), rank)
  }
}

/** weight (O, I) += (alpha / r) up (O, r) down (r, I) */
function addProduct(weight: Float32Array, up: Float32Array, down: Float32Array, rank: number): void {
  const width = down.length / rank
  const row = new Float64Array(width)
  for (let o = 0; o * width < weight.length; o++) {
    row.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = (ADAPTER_ALPHA / rank) * up[o * rank + r]!
      for (let i = 0; i < width; i++) row[i]! += factor * down[r * width + i]!
    }
    for (let i = 0; i < width; i++) weight[o * width + i]! += row[i]!
  }
}
