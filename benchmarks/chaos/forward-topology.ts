import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { packLines } from '../replay.js'
import { freePorts } from '../services/free-ports.js'
import { alone, type Beside } from './beside.js'
import type { Batch } from './expected.js'
import type { FaultKind } from './fault.js'
import { HERE, type Link } from './network.js'
import { logneo, Part } from './part.js'
import {
  ACK_TIMEOUT_MS,
  BOTH_SIDES,
  cutOf,
  type Effects,
  freezeOf,
  IDLE_TIMEOUT_SECONDS,
  killOf,
  killWhileCutOf,
  killWhileHoldingOf,
  type Topology,
  type TopologyOptions,
} from './topology.js'

const RECEIVER = fileURLToPath(new URL('./receiver-main.js', import.meta.url))

/** What a sender may hold before it waits. */
const MAX_QUEUED_BYTES = 16 * 2 ** 20
const RETRY_MAX_MS = 1000

/** Our Forward client -> the stage, perhaps with a service beside it -> a Forward receiver. */
export async function forwardTopology(options: TopologyOptions, beside?: Beside): Promise<Topology> {
  const { folder, network } = options
  const inward = await network?.link('sender', true)
  const outward = await network?.link('receiver')
  const there = outward?.neighbour ?? HERE
  const [stagePort, receiverPort] = await freePorts(2)
  const journal = join(folder, 'journal')
  const config = join(folder, 'stage.logneo.yaml')
  const log = join(folder, 'log')
  const { config: sections, effects } = beside ?? alone(options)
  await writeFile(config, sections + configOf(stagePort!, there.host, receiverPort!))
  const command = [process.execPath, RECEIVER, there.host, String(receiverPort), journal]
  const receiver = new Part(there, command, log)
  const stage = new Part(inward?.stage ?? HERE, logneo('run', '--config', config), log)
  const parts = [receiver, ...(beside ? [beside.part] : []), stage]
  receiver.start()
  beside?.part.start()
  stage.start()
  await stage.listens(stagePort!)
  const sender = new ForwardOutput({
    host: stage.place.host,
    port: stagePort!,
    ackTimeoutMs: ACK_TIMEOUT_MS,
    retryMaxMs: RETRY_MAX_MS,
  })
  return {
    kinds: [...kindsOf({ stage, receiver, inward, outward, effects }), ...(beside?.kinds ?? [])],
    parts,
    journal,
    isExactlyOnce: false,
    send: senderOf(sender),
    stop: async () => {
      await sender.close()
      for (const part of parts.toReversed()) await part.stop()
    },
  }
}

const senderOf =
  (sender: ForwardOutput) =>
  async ({ first, lines }: Batch): Promise<void> => {
    const { entries, count } = packLines(lines, first)
    // What is not acknowledged at the end shows in what arrived.
    const sent = sender.send('chaos', entries, count).catch(() => {})
    if (sender.queuedBytes > MAX_QUEUED_BYTES) await sent
  }

interface Way {
  readonly stage: Part
  readonly receiver: Part
  readonly inward: Link | undefined
  readonly outward: Link | undefined
  /** Of killing the stage. */
  readonly effects: Effects
}

function kindsOf({ stage, receiver, inward, outward, effects }: Way): FaultKind[] {
  const receiverKilled = killOf('receiver killed', receiver, { mayRepeat: true })
  return [
    killOf('stage killed', stage, effects),
    receiverKilled,
    killWhileHoldingOf('stage killed while the receiver is away', stage, receiverKilled, effects),
    freezeOf('stage frozen', stage),
    freezeOf('receiver frozen', receiver),
    ...(inward ? [cutOf('network before the stage cut', inward, BOTH_SIDES)] : []),
    ...(outward ? [cutOf('network behind the stage cut', outward, BOTH_SIDES)] : []),
    ...(inward ? [killWhileCutOf('stage killed while cut off in front', stage, inward, effects)] : []),
    ...(outward ? [killWhileCutOf('stage killed while cut off behind', stage, outward, effects)] : []),
  ]
}

const configOf = (port: number, receiverHost: string, receiverPort: number): string => `
input: { forward: { host: 0.0.0.0, port: ${port} } }
output:
  forward: { host: ${receiverHost}, port: ${receiverPort}, ack_timeout_ms: ${ACK_TIMEOUT_MS}, retry_max_ms: ${RETRY_MAX_MS} }
session: { idle_timeout_seconds: ${IDLE_TIMEOUT_SECONDS} }
detect: { fields: minimal }
log: { level: warn }
`
