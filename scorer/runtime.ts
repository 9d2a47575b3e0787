import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { ProviderError } from './errors.js'
import {
  DEFAULT_DEVICE_OPTIONS,
  type DeviceOptions,
  failureReason,
  type Provider,
  providerProblem,
  shortReason,
} from './provider.js'
import { forbidTelemetry } from './telemetry.js'

/** A tensor crossing the border to the runtime. */
export interface Tensor {
  readonly data: Float32Array | Int32Array
  readonly shape: readonly number[]
}

export type Feeds = Readonly<Record<string, Tensor>>

export interface RuntimeOptions extends DeviceOptions {
  /** Bytes of the tensors that the graph only names. */
  readonly externals?: ReadonlyMap<string, Uint8Array>
}

/** A loaded graph. Its runs block the calling thread: own one inside a worker thread where that matters. */
export class Runtime {
  readonly #session: InferenceSession

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /**
   * Loads a serialised ONNX model.
   *
   * @throws ProviderError when the runtime or the provider cannot be loaded
   */
  static async load(model: Uint8Array, options: RuntimeOptions = {}): Promise<Runtime> {
    const { provider, deviceId, threads } = { ...DEFAULT_DEVICE_OPTIONS, ...options }
    const { InferenceSession } = ort()
    const session = InferenceSession.create(model, {
      executionProviders: executionProviders(provider, deviceId),
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: SEVERITY_FATAL,
      // A spinning thread takes the core from whoever else has work.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      externalData: [...(options.externals ?? [])].map(([path, data]) => ({ path, data })),
    })
    return new Runtime(provider === 'cpu' ? await session : await onProvider(provider, session))
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

/** Version of ONNX Runtime, and the providers its build knows; `isBundled` is false where a library must be added. @throws ProviderError */
export function runtimeInfo(): {
  readonly version: string
  readonly backends: readonly { readonly name: string; readonly isBundled: boolean }[]
} {
  const { env, listSupportedBackends } = ort()
  return {
    version: env.versions.node ?? env.versions.common,
    backends: listSupportedBackends().map(({ name, bundled }) => ({ name, isBundled: bundled })),
  }
}

type OnnxRuntime = typeof import('onnxruntime-node')
let loaded: OnnxRuntime | undefined

/** Failures reach the caller as errors; the runtime need not print them as well. */
const SEVERITY_FATAL = 4

const require = createRequire(import.meta.url)

/** ONNX Runtime, loaded at first use: its native library costs time and memory that commands without a model should not pay. */
function ort(): OnnxRuntime {
  if (loaded !== undefined) return loaded
  forbidTelemetry()
  try {
    loaded = require('onnxruntime-node') as OnnxRuntime
  } catch (cause) {
    const reason = shortReason(messageOf(cause))
    throw new ProviderError(
      `ONNX Runtime cannot be loaded on ${process.platform} ${process.arch}: ${reason}. Install the package onnxruntime-node again on this machine`,
      reason,
      cause,
    )
  }
  loaded.env.logLevel = 'fatal'
  return loaded
}

function executionProviders(
  provider: Provider,
  deviceId: number,
): NonNullable<InferenceSession.SessionOptions['executionProviders']> {
  if (provider === 'cpu') return ['cpu']
  return [provider === 'webgpu' ? provider : { name: provider, deviceId }, 'cpu']
}

async function onProvider(provider: Provider, session: Promise<InferenceSession>): Promise<InferenceSession> {
  try {
    return await session
  } catch (cause) {
    const reason = failureReason(provider, messageOf(cause), hasLibrary)
    throw new ProviderError(providerProblem(provider, reason), reason, cause)
  }
}

/** Whether a file lies beside the runtime's binding. */
function hasLibrary(file: string): boolean {
  const entry = require.resolve('onnxruntime-node')
  return existsSync(join(entry, '../../bin/napi-v6', process.platform, process.arch, file))
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
