import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { ScorerOptions } from '../../scorer/scorer.js'
import { isLocal, parseAddress, parseEndpoint } from '../../sidecar/address.js'
import { HealthServer } from '../../sidecar/health.js'
import { SidecarMetrics } from '../../sidecar/metrics.js'
import { SidecarServer } from '../../sidecar/server.js'
import { makeLogger } from '../log.js'
import { packageVersion } from '../package-version.js'
import { stopSignal } from './stop-signal.js'
import { UsageError } from './terminal.js'

/** As commander parses them. */
export interface SidecarFlags {
  readonly model: string
  readonly listen: string
  readonly scorer: ScorerOptions
  readonly health?: string | undefined
  readonly batchEvents?: number | undefined
  readonly batchMs?: number | undefined
  readonly tokenFile?: string | undefined
}

/** Name of the variable that may hold the token. */
const TOKEN_VARIABLE = 'LOGNEO_SIDECAR_TOKEN'

/** `logneo sidecar`: the scorer as a service, until told to stop. SIGHUP reads the model again. */
export async function sidecarCommand(flags: SidecarFlags): Promise<void> {
  const log = makeLogger({ level: 'info' })
  const metrics = new SidecarMetrics()
  const token = await readToken(flags.tokenFile)
  const { model, listen, scorer, batchEvents, batchMs } = flags
  const server = new SidecarServer(
    {
      model,
      listen,
      scorer,
      token,
      version: `logneo ${packageVersion()}`,
      warn: message => log.warn(message),
      ...(batchEvents !== undefined && { maxBatchEvents: batchEvents }),
      ...(batchMs !== undefined && { batchWaitMs: batchMs }),
    },
    metrics,
  )
  metrics.watch(server)
  // Before the model is loaded, so that who watches sees it being loaded.
  const health = await startHealth(flags.health, server, metrics, log)
  try {
    const stopped = stopSignal()
    const reloads = reloadOnHangup(server, log)
    const address = await server.start()
    warnOfStrangers(listen, token, log)
    log.info(`model ${server.bundle} answers on ${address}`)
    await stopped
    log.info('stopping: answering what was taken')
    reloads.stop()
    await server.stop()
  } finally {
    await health?.close()
  }
}

async function startHealth(
  text: string | undefined,
  server: SidecarServer,
  metrics: SidecarMetrics,
  log: Logger,
): Promise<HealthServer | undefined> {
  if (text === undefined) return undefined
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined)
    throw new UsageError(`--health must be HOST:PORT, such as 127.0.0.1:9465, got ${text}`)
  const health = new HealthServer({
    ...endpoint,
    isReady: () => server.isReady,
    metrics: () => metrics.text(),
  })
  log.info(`health and metrics on http://${await health.listen()}`)
  return health
}

async function readToken(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return process.env[TOKEN_VARIABLE]
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `--token-file ${path} cannot be read (${error.code}): mend the path or its permissions`,
    )
  })
  return text.trimEnd()
}

/** There is no TLS: what goes over a network can be read there. */
function warnOfStrangers(listen: string, token: string | undefined, log: Logger): void {
  if (isLocal(parseAddress(listen)!)) return
  log.warn(
    token === undefined
      ? `${listen} is open to whoever reaches it, unencrypted: set a token, and guard the network`
      : `${listen} is not encrypted: guard the network`,
  )
}

function reloadOnHangup(server: SidecarServer, log: Logger) {
  const reload = (): void => {
    // Before it is ready it is reading the model anyway.
    if (!server.isReady) return
    server.reload().then(
      id => log.info(`model ${id} read again`),
      (error: Error) => log.warn(`the model could not be read again, the one before stays: ${error.message}`),
    )
  }
  process.on('SIGHUP', reload)
  return { stop: () => void process.off('SIGHUP', reload) }
}
