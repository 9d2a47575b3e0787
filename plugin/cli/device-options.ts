import { type Command, Option } from 'commander'
import { PRECISIONS, type Precision } from '../../scorer/model/precision.js'
import { type DeviceOptions, PROVIDERS, type Provider } from '../../scorer/provider.js'
import { integerFrom, positiveInteger } from './arguments.js'

/** How a command runs its model. */
export interface RunOptions extends DeviceOptions {
  readonly precision?: Precision
}

/** As commander parses them. */
export interface DeviceFlags {
  readonly precision?: Precision
  readonly provider?: Provider
  readonly device?: number
  readonly threads?: number
}

/** Adds the options that say where and how a model runs. */
export function withDevice(command: Command): Command {
  return command
    .addOption(
      new Option('--precision <p>', 'number format of the matrices (default: float32)').choices(PRECISIONS),
    )
    .addOption(new Option('--provider <p>', 'what runs the model (default: cpu)').choices(PROVIDERS))
    .option('--device <n>', 'which of several GPUs, counted from 0 (default: 0)', integerFrom(0))
    .option('--threads <n>', 'CPU threads of the model (default: 1)', positiveInteger)
}

/** What the flags of withDevice say. */
export function runOptions({ precision, provider, device, threads }: DeviceFlags): RunOptions {
  return {
    ...(precision !== undefined && { precision }),
    ...(provider !== undefined && { provider }),
    ...(device !== undefined && { deviceId: device }),
    ...(threads !== undefined && { threads }),
  }
}
