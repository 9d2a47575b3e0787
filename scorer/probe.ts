import { GraphBuilder } from './onnx/graph.js'
import type { DeviceOptions } from './provider.js'
import { Runtime } from './runtime.js'

/** Loads and runs the smallest graph on a provider. @throws ProviderError saying why it cannot be used */
export async function probe(device: DeviceOptions): Promise<void> {
  const graph = new GraphBuilder('probe')
  const x = graph.input('x', 'float32', [1])
  graph.output('y', graph.node('Add', [x, x]), 'float32', [1])
  const runtime = await Runtime.load(graph.finish(), device)
  await runtime.run({ x: { data: Float32Array.of(1), shape: [1] } })
  await runtime.release()
}
