import type { Config } from '../config.js'
import { alertChecks } from './alerts-check.js'
import { elasticsearchChecks } from './elasticsearch-check.js'
import { examine, type PeerCheck, type PeerReport } from './findings.js'
import { forwardOutputCheck } from './forward-check.js'
import { postgresCheck } from './history-check.js'
import { kafkaInputCheck, kafkaOutputCheck } from './kafka-check.js'
import { machineCheck, modelCheck } from './local-check.js'
import { redisCheck } from './redis-check.js'
import { sidecarCheck } from './sidecar-check.js'

/** What all peers of a config say when they are asked, in the order of the config. Sends no record and no alert, and changes nothing. */
export function examineConfig(config: Config, limitMs: number): Promise<PeerReport[]> {
  return Promise.all(checksOf(config).map(check => examine(check, limitMs)))
}

function checksOf(config: Config): PeerCheck[] {
  const { stage, input, output, history, alerts } = config
  return [
    machineCheck(config),
    modelCheck(config),
    ...(stage.sidecar ? [sidecarCheck(stage.sidecar, stage.model)] : []),
    ...(stage.store ? [redisCheck(stage.store)] : []),
    ...(input.kafka ? [kafkaInputCheck(input.kafka)] : []),
    ...(output.forward ? [forwardOutputCheck(output.forward)] : []),
    ...(output.elasticsearch ? elasticsearchChecks(output.elasticsearch) : []),
    ...(output.kafka ? [kafkaOutputCheck(output.kafka)] : []),
    ...(history?.place.kind === 'postgres' ? [postgresCheck(history.place)] : []),
    ...(alerts ? alertChecks(alerts) : []),
  ]
}
