import type { Command } from 'commander'
import { integerFrom, positiveInteger } from './arguments.js'
import { runOptions, withDevice } from './device-options.js'

const MIB = 2 ** 20

/** Adds `logneo sidecar`. */
export function addSidecar(program: Command): void {
  withDevice(
    program
      .command('sidecar')
      .description(
        'the scorer as a service for stages on this machine (model.sidecar in their configs); SIGHUP reads the model again',
      )
      .requiredOption('--model <dir>', 'a model; the stages need the same one')
      .requiredOption('--listen <address>', 'unix:PATH, which only this user may open, or tcp:HOST:PORT')
      .option('--health <address>', 'HOST:PORT for /healthz, /readyz and /metrics (default: nowhere)')
      .option(
        '--batch-events <n>',
        'events that are computed together at the most (default: 500)',
        positiveInteger,
      )
      .option(
        '--batch-ms <n>',
        'how long an event waits for those of other stages, in milliseconds (default: 1)',
        integerFrom(0),
      )
      .option('--cache-mb <n>', 'memory for remembered prefixes, in MiB (default: 128)', positiveInteger)
      .option('--token-file <file>', 'what clients must know (default: LOGNEO_SIDECAR_TOKEN, else nothing)'),
  ).action(async ({ model, listen, health, batchEvents, batchMs, cacheMb, tokenFile, ...rest }) =>
    (await import('./sidecar.js')).sidecarCommand({
      model,
      listen,
      health,
      batchEvents,
      batchMs,
      tokenFile,
      scorer: { ...runOptions(rest), ...(cacheMb !== undefined && { cacheBytes: cacheMb * MIB }) },
    }),
  )
}
