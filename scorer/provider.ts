/** Where graphs run: ONNX Runtime's execution providers. */
export const PROVIDERS = ['cpu', 'cuda', 'tensorrt', 'webgpu'] as const
export type Provider = (typeof PROVIDERS)[number]

/** Where and how graphs run. */
export interface DeviceOptions {
  /** Default cpu. Nodes that another provider lacks run on the CPU all the same; a provider that cannot be loaded is an error. */
  readonly provider?: Provider
  /** Which of several GPUs, counted from 0; for cuda and tensorrt. Default 0. */
  readonly deviceId?: number
  /** Threads of one run on the CPU. Default 1: small models lose by a second one. */
  readonly threads?: number
}

export const DEFAULT_DEVICE_OPTIONS = {
  provider: 'cpu',
  deviceId: 0,
  threads: 1,
} as const satisfies Required<DeviceOptions>

const GPU_LIBRARIES =
  'Run `npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12 --foreground-scripts` on Linux x86-64 (it fetches them), ' +
  'and install'

/** What a provider needs that ONNX Runtime does not bring along; ends a message to people. */
const NEEDS: Readonly<Record<Provider, string>> = {
  cpu: 'Install the package onnxruntime-node again for this platform.',
  cuda: `It needs an NVIDIA GPU with its driver, and the CUDA libraries of ONNX Runtime beside its binding. ${GPU_LIBRARIES} CUDA 12 and cuDNN 9 where the loader finds them (LD_LIBRARY_PATH).`,
  tensorrt: `It needs all that cuda needs, and TensorRT. ${GPU_LIBRARIES} CUDA 12, cuDNN 9 and TensorRT 10 where the loader finds them (LD_LIBRARY_PATH).`,
  webgpu:
    'It needs a GPU that Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows) reaches. On Linux install libvulkan1 and the driver of the GPU; `vulkaninfo --summary` must list it.',
}

/** A message for a provider that could not be used, from what the runtime said. */
export function providerProblem(provider: Provider, reason: string): string {
  return `the provider ${provider} cannot be used: ${reason}. ${NEEDS[provider]} Without it: --provider cpu.`
}

/** What is worth reading of the runtime's message: its source locations are not. */
export function shortReason(message: string): string {
  const said = message.split('\n')[0]!.trim()
  const last = said.match(/(?:was false\.|\[ONNXRuntimeError\] : \d+ : \w+ :)\s*(.+)$/)
  return (last?.[1] ?? said).replace(/^OrtSession\w+:\s*/, '').replace(/[.\s]+$/, '')
}
