import { kafkaMissing } from '../services/kafka-broker.js'
import { forwardTopology } from './forward-topology.js'
import { kafkaTopology } from './kafka-topology.js'
import type { Topology, TopologyOptions } from './topology.js'
import type { TopologyName } from './topology-names.js'

/** Why a pipeline cannot be here, false where it can. @throws Error as `findProgram` does */
export const topologyMissing = (name: TopologyName): string | false =>
  name === 'kafka' ? kafkaMissing() : false

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
