import { kafkaMissing } from '../services/kafka-broker.js'
import { besideRedis, besideSidecar, redisMissing } from './beside.js'
import { forwardTopology } from './forward-topology.js'
import { kafkaTopology } from './kafka-topology.js'
import type { Topology, TopologyOptions } from './topology.js'
import type { TopologyName } from './topology-names.js'

/** Why a pipeline cannot be here, false where it can. @throws Error as `findProgram` does */
export function topologyMissing(name: TopologyName): string | false {
  if (name === 'kafka') return kafkaMissing()
  return name === 'redis' && redisMissing()
}

/** Starts a pipeline; resolves when it takes records. */
export async function openTopology(name: TopologyName, options: TopologyOptions): Promise<Topology> {
  switch (name) {
    case 'forward':
      return forwardTopology(options)
    case 'sidecar':
      return forwardTopology(options, await besideSidecar(options))
    case 'redis':
      return forwardTopology(options, await besideRedis(options))
    case 'kafka':
      return kafkaTopology(options)
  }
}
