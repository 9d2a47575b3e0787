import type { Metrics } from './metrics.js'
import type { Output } from './output/output.js'
import { packageVersion } from './package-version.js'

/** Exports what can be told of the program and its outputs at any time. */
export function exportOutputs(metrics: Metrics, outputs: readonly Output[]): void {
  metrics.info('build_info', 'The version that runs, always 1.', {
    version: packageVersion(),
    node: process.versions.node,
  })
  metrics.gauges('output_ready', 'Whether an output has its receiver.', 'output', () =>
    outputs.map(({ name, isReady }) => [name, isReady ? 1 : 0] as const),
  )
  metrics.gauges(
    'output_queued_bytes',
    'Bytes that an output accepted and did not deliver yet.',
    'output',
    () =>
      outputs.flatMap(({ name, queuedBytes }) =>
        queuedBytes === undefined ? [] : [[name, queuedBytes] as const],
      ),
  )
}
