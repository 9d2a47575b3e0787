import { type Config, loadConfig } from '../config.js'
import { DeadLetterFile } from '../dead-letter.js'
import { ConfigError } from '../errors.js'
import { feedbackHandler } from '../feedback.js'
import { makeLogger } from '../log.js'
import { makeInputs, makeObservers, makeOutputs } from '../make-parts.js'
import { Metrics } from '../metrics.js'
import { OpsServer } from '../ops-server.js'
import { exportOutputs } from '../output-metrics.js'
import { Service } from '../service.js'
import { type RunLearning, startLearning } from './run-learning.js'
import { SidecarWatch } from './run-sidecar.js'
import { stopSignal } from './stop-signal.js'

/** `logneo run`: the pipeline stage, until its files are read (and nothing else comes) or it is told to stop. */
export async function runCommand(path: string): Promise<void> {
  const config = await loadConfig(path, process.env).catch(error => {
    throw error instanceof ConfigError ? new ConfigError([`${path}:`, ...error.problems]) : error
  })
  const log = makeLogger({ level: config.log.level })
  const metrics = new Metrics()
  const warn = (message: string): void => log.warn(message)
  const learning = await startLearning(config, log, metrics)
  const sidecar = new SidecarWatch(config, log, metrics)
  const outputs = makeOutputs(config, metrics, warn)
  exportOutputs(metrics, outputs)
  const service = await Service.open({
    stage: { ...config.stage, ...learning.stageOptions, ...sidecar.stageOptions },
    forward: config.input.forward,
    files: fileInput(config),
    inputs: makeInputs(config, metrics, warn),
    observers: await makeObservers(config, metrics, warn),
    outputs,
    tagPrefix: config.output.tagPrefix,
    sessionSummaries: config.output.sessionSummaries,
    route: config.output.route,
    join: config.join,
    reorderMs: config.reorderMs,
    deadLetter: config.deadLetter && new DeadLetterFile(config.deadLetter, metrics),
    counters: metrics,
    onChunk: seconds => metrics.observeChunk(seconds),
    warn,
  })
  learning.attach(service.stage)
  sidecar.attach(service.stage, () => learning.reload(service.stage))
  const reloads = reloadOnHangup(service, learning, warn)
  const stopped = stopSignal()
  const address = await service.listen()
  if (address !== undefined) log.info(`taking Forward chunks on ${address.address}:${address.port}`)
  for (const name of service.inputNames) log.info(`taking chunks from ${name}`)
  const ops = await startOps(config, service, metrics, learning, warn)
  if (ops !== undefined) log.info(`health and metrics on http://${ops.address.address}:${ops.address.port}`)
  const read = service.readFiles()
  const isServing = config.input.forward !== undefined || service.inputNames.length > 0
  await (isServing ? Promise.all([read, stopped]) : Promise.race([read, stopped]))
  log.info('stopping: delivering what was taken')
  reloads.stop()
  await service.stop()
  await learning.stop()
  await ops?.server.close()
}

function fileInput({ input }: Config) {
  return input.files ?? (input.stdin && { paths: ['-'], tag: input.stdin.tag })
}

/** Health, readiness and metrics, where the config wants them. */
async function startOps(
  config: Config,
  service: Service,
  metrics: Metrics,
  learning: RunLearning,
  warn: (message: string) => void,
) {
  if (config.metrics === undefined) return undefined
  const { feedback } = config
  const { engine, store } = service.stage
  metrics.gauge(
    'sessions_open',
    'Sessions held; with a shared store those of all replicas.',
    () => store.size,
  )
  metrics.gauge(
    'prefixes_remembered',
    'Prefixes whose distribution is remembered.',
    () => engine.parts.model?.scorer.tree.size ?? 0,
  )
  metrics.gauge('templates', 'Templates that Drain keeps.', () => engine.parts.drain.size)
  metrics.gauge('outputs_ready', 'Whether every output has its receiver.', () => (service.isReady ? 1 : 0))
  const server = new OpsServer({
    ...config.metrics,
    // The model is loaded and the inputs listen before this server does.
    checks: {
      model: () => true,
      inputs: () => true,
      outputs: () => service.isReady,
      sessions: () => store.isReady,
    },
    metrics: () => metrics.text(),
    ...(feedback && { feedback: feedbackHandler({ ...feedback, mark: learning.mark }) }),
    warn,
  })
  return { server, address: await server.listen() }
}

/** On SIGHUP the model, and what was adopted, are read again; records wait for nothing and none is lost. */
function reloadOnHangup(service: Service, learning: RunLearning, warn: (message: string) => void) {
  let last: Promise<void> = Promise.resolve()
  const reload = (): void => {
    last = last
      .then(() => learning.reload(service.stage))
      .catch((error: Error) =>
        warn(`the model could not be read again, the one before stays: ${error.message}`),
      )
  }
  process.on('SIGHUP', reload)
  return { stop: () => void process.off('SIGHUP', reload) }
}
