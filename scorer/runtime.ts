import { createRequire } from 'node:module'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'

/** A tensor crossing the border to the runtime. */
export interface Tensor {
  readonly data: Float32Array | Int32Array
  readonly shape: readonly number[]
}

export type Feeds = Readonly<Record<string, Tensor>>

/** A loaded graph. Its runs block the calling thread: own one inside a worker thread where that matters. */
export class Runtime {
  readonly #session: InferenceSession

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /** Loads a serialised ONNX model. One thread by default: on two cores a second, spinning one makes runs slower. */
  static async load(model: Uint8Array, threads = 1): Promise<Runtime> {
    const session = await ort().InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    })
    return new Runtime(session)
  }

  /** Runs the graph and returns its outputs by name. */
  async run(feeds: Feeds): Promise<Record<string, Float32Array>> {
    const { Tensor } = ort()
    const tensors: Record<string, OrtTensor> = {}
    for (const [name, { data, shape }] of Object.entries(feeds)) {
      tensors[name] =
        data instanceof Int32Array ? new Tensor('int32', data, shape) : new Tensor('float32', data, shape)
    }
    const outputs = await this.#session.run(tensors)
    const results: Record<string, Float32Array> = {}
    for (const name of this.#session.outputNames) results[name] = outputs[name]!.data as Float32Array
    return results
  }

  async release(): Promise<void> {
    await this.#session.release()
  }
}

type OnnxRuntime = typeof import('onnxruntime-node')
let loaded: OnnxRuntime | undefined

/** ONNX Runtime, loaded at first use: its native library costs time and memory that commands without a model should not pay. */
function ort(): OnnxRuntime {
  loaded ??= createRequire(import.meta.url)('onnxruntime-node') as OnnxRuntime
  return loaded
}
