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

/** Providers that ONNX Runtime keeps in libraries of their own, which its package does not hold. */
const LIBRARIES: Readonly<Partial<Record<Provider, string>>> = {
  cuda: 'libonnxruntime_providers_cuda.so',
  tensorrt: 'libonnxruntime_providers_tensorrt.so',
}

const FETCH =
  'On Linux x86-64 fetch the libraries with: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js'

/** What a provider needs that ONNX Runtime does not bring along; ends a message to people. */
const NEEDS: Readonly<Record<Provider, string>> = {
  cpu: 'Install the package onnxruntime-node again on this machine.',
  cuda: `It needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9 where the loader finds them (LD_LIBRARY_PATH), and the libraries of ONNX Runtime for them. ${FETCH}`,
  tensorrt: `It needs an NVIDIA GPU with its driver, CUDA 12, cuDNN 9 and TensorRT 10 where the loader finds them (LD_LIBRARY_PATH), and the libraries of ONNX Runtime for them. ${FETCH}`,
  webgpu:
    'It needs a GPU that Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows) reaches. On Linux install libvulkan1 and the driver of the GPU; vulkaninfo --summary must list it',
}

/** A message for a provider that could not be used. */
export function providerProblem(provider: Provider, reason: string): string {
  return `the provider ${provider} cannot be used: ${reason}. ${NEEDS[provider]}. To do without: --provider cpu`
}

/**
 * Why a provider failed to load, in a few words.
 *
 * @param message what the runtime said
 * @param hasLibrary whether a library, by its file name, lies where the runtime looks for it
 */
export function failureReason(
  provider: Provider,
  message: string,
  hasLibrary: (file: string) => boolean,
): string {
  const library = LIBRARIES[provider]
  if (library === undefined || !message.includes('load shared library')) return shortReason(message)
  return hasLibrary(library)
    ? `${library} is there, but a library that it needs is not, as CUDA or cuDNN: ldd names it`
    : `${library} is not there`
}

/** What is worth reading of the runtime's message: its source locations are not. */
export function shortReason(message: string): string {
  const said = message.split('\n')[0]!.trim()
  const last = said.match(/(?:was false\.|\[ONNXRuntimeError\] : \d+ : \w+ :)\s*(.+)$/)
  return (last?.[1] ?? said).replace(/^OrtSession\w+:\s*/, '').replace(/[.\s]+$/, '')
}
