import { forwardTopology } from './forward-topology.js'
import { kafkaTopology } from './kafka-topology.js'
import type { Topology, TopologyOptions } from './topology.js'
import type { TopologyName } from './topology-names.js'

/** Starts a pipeline; resolves when it takes records. */
export function openTopology(name: TopologyName, options: TopologyOptions): Promise<Topology> {
  switch (name) {
    case 'forward':
      return forwardTopology(options, false)
    case 'sidecar':
      return forwardTopology(options, true)
    case 'kafka':
      return kafkaTopology(options)
  }
}
