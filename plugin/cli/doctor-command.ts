import type { Command } from 'commander'
import { duration } from './arguments.js'
import { runOptions, withDevice } from './device-options.js'
import { UsageError } from './terminal.js'

const DEFAULT_TIMEOUT_SECONDS = 10

/** Adds `logneo doctor`: of this machine, or with `--config` of all that a config names. */
export function addDoctor(program: Command): void {
  withDevice(
    program
      .command('doctor')
      .description('what scoring stands on here, and whether a device computes what the CPU does')
      .option('--model <dir>', 'a model to test with (default: a random one)')
      .option(
        '--config <file>',
        'instead, try every peer that a config names; no record and no alert is sent',
      )
      .option(
        '--timeout <time>',
        'with --config: how long each peer may take, such as 10s',
        duration,
        DEFAULT_TIMEOUT_SECONDS,
      )
      .option('--json', 'print the report as JSON'),
  ).action(async ({ model, json, config, timeout, ...rest }) => {
    if (config !== undefined && model !== undefined)
      throw new UsageError('--model and --config do not go together: the config names the model')
    process.exitCode =
      config === undefined
        ? await (await import('./doctor.js')).doctorCommand({ model, json, run: runOptions(rest) })
        : await (await import('./doctor-config.js')).doctorConfig(config, {
            json,
            timeout,
            environment: process.env,
          })
  })
}
