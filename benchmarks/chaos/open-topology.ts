import { forwardTopology, type TopologyOptions } from './forward-topology.js'
import type { Topology } from './topology.js'
import type { TopologyName } from './topology-names.js'

/** Starts a pipeline; resolves when it takes records. */
export function openTopology(name: TopologyName, options: TopologyOptions): Promise<Topology> {
  switch (name) {
    case 'forward':
      return forwardTopology(options, false)
    case 'sidecar':
      return forwardTopology(options, true)
  }
}
