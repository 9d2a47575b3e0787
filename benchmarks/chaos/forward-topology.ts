import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ForwardOutput } from '../../plugin/output/forward.js'
import { packLines } from '../replay.js'
import { freePorts } from '../services/free-ports.js'
import type { Batch } from './expected.js'
import type { FaultKind } from './fault.js'
import { HERE, type Link } from './network.js'
import { logneo, Part } from './part.js'
import {
  ACK_TIMEOUT_MS,
  cutOf,
  freezeOf,
  IDLE_TIMEOUT_SECONDS,
  killOf,
  killWhileCutOf,
  killWhileHoldingOf,
  RESTARTED,
  type Topology,
  type TopologyOptions,
} from './topology.js'

const RECEIVER = fileURLToPath(new URL('./receiver-main.js', import.meta.url))

/** What a sender may hold before it waits. */
const MAX_QUEUED_BYTES = 16 * 2 ** 20
const RETRY_MAX_MS = 1000

/** Our Forward client -> the stage -> a Forward receiver; with a sidecar, the model runs in that. */
export async function forwardTopology(
  { model, folder, network }: TopologyOptions,
  hasSidecar: boolean,
): Promise<Topology> {
  const inward = await network?.link('sender', true)
  const outward = await network?.link('receiver')
  const aside = hasSidecar ? await network?.link('sidecar') : undefined
  const [stagePort, receiverPort, sidecarPort] = await freePorts(3)
  const files = {
    journal: join(folder, 'journal'),
    config: join(folder, 'stage.logneo.yaml'),
    log: join(folder, 'log'),
  }
  const there = outward?.neighbour ?? HERE
  const receiver = new Part(
    there,
    [process.execPath, RECEIVER, there.host, String(receiverPort), files.journal],
    files.log,
  )
  const address = `tcp:${(aside?.neighbour ?? HERE).host}:${sidecarPort}`
  const sidecar = hasSidecar
    ? new Part(aside?.neighbour ?? HERE, logneo('sidecar', '--model', model, '--listen', address), files.log)
    : undefined
  const stage = new Part(inward?.stage ?? HERE, logneo('run', '--config', files.config), files.log)
  await writeFile(
    files.config,
    configOf(model, stagePort!, there.host, receiverPort!, hasSidecar ? address : undefined),
  )
  const parts = [receiver, ...(sidecar ? [sidecar] : []), stage]
  for (const part of parts) part.start()
  await stage.listens(stagePort!)
  const sender = new ForwardOutput({
    host: stage.place.host,
    port: stagePort!,
    ackTimeoutMs: ACK_TIMEOUT_MS,
    retryMaxMs: RETRY_MAX_MS,
  })
  return {
    kinds: kindsOf({ stage, receiver, sidecar }, { inward, outward, aside }),
    parts,
    journal: files.journal,
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

interface Parts {
  readonly stage: Part
  readonly receiver: Part
  readonly sidecar: Part | undefined
}

interface Links {
  readonly inward: Link | undefined
  readonly outward: Link | undefined
  readonly aside: Link | undefined
}

function kindsOf({ stage, receiver, sidecar }: Parts, { inward, outward, aside }: Links): FaultKind[] {
  const both = ['stage', 'neighbour'] as const
  const receiverKilled = killOf('receiver killed', receiver, { mayRepeat: true })
  return [
    killOf('stage killed', stage, RESTARTED),
    receiverKilled,
    killWhileHoldingOf('stage killed while the receiver is away', stage, receiverKilled),
    freezeOf('stage frozen', stage),
    freezeOf('receiver frozen', receiver),
    ...(sidecar
      ? [
          killOf('sidecar killed', sidecar, { unscores: true }),
          freezeOf('sidecar frozen', sidecar, { unscores: true }),
        ]
      : []),
    ...(inward ? [cutOf('network before the stage cut', inward, both)] : []),
    ...(outward ? [cutOf('network behind the stage cut', outward, both)] : []),
    ...(aside ? [cutOf('network to the sidecar cut', aside, both, { unscores: true })] : []),
    ...(inward ? [killWhileCutOf('stage killed while cut off in front', stage, inward)] : []),
    ...(outward ? [killWhileCutOf('stage killed while cut off behind', stage, outward)] : []),
  ]
}

const configOf = (
  model: string,
  port: number,
  receiverHost: string,
  receiverPort: number,
  sidecar: string | undefined,
): string => `
model:
  path: ${model}
${sidecar === undefined ? '' : `  sidecar: { address: "${sidecar}", timeout_ms: 1000 }\nscorer: { cache_mb: 1 }`}
input: { forward: { host: 0.0.0.0, port: ${port} } }
output:
  forward: { host: ${receiverHost}, port: ${receiverPort}, ack_timeout_ms: ${ACK_TIMEOUT_MS}, retry_max_ms: ${RETRY_MAX_MS} }
session: { idle_timeout_seconds: ${IDLE_TIMEOUT_SECONDS} }
detect: { fields: minimal }
log: { level: warn }
`
