import { parameterLayout } from '../../scorer/model/parameters.js'
import { modelConfig } from '../../scorer/train/initial.js'
import { MAX_AUTO_BATCH_SIZE, type TrainOptions } from '../../scorer/train/options.js'
import type { ReinforcementMethod, ReinforcementOptions } from '../../scorer/train/rl/options.js'
import { UsageError } from './terminal.js'
import type { TrainCommandOptions } from './train.js'

/** The least time left to training, in seconds, when reading the log took up the time budget. */
const LEAST_SECONDS = 1

/** What Node.js reads as one file: training for hours must not end in a bundle that nobody can read. */
const MAX_WEIGHT_BYTES = 2 ** 31

/** @throws UsageError for options that do not go together */
export async function checkTrainOptions(options: TrainCommandOptions): Promise<void> {
  const { lora, preset, init, accumulate = 1, batchSize = MAX_AUTO_BATCH_SIZE, checkpoint } = options
  if (options.resume === true && checkpoint === undefined)
    throw new UsageError('--resume goes with --checkpoint DIR, where the interrupted training kept its state')
  if (options.checkpointEvery !== undefined && checkpoint === undefined)
    throw new UsageError('--checkpoint-every goes with --checkpoint DIR')
  if (accumulate > batchSize) {
    throw new UsageError(
      `--accumulate ${accumulate} divides a step of ${batchSize} sessions; give at most ${batchSize}, or a larger --batch-size`,
    )
  }
  const config = await modelConfig({ ...(preset && { preset }), ...(init && { init }) }, 1)
  const name = preset ?? (init === undefined ? 'nano' : 'that checkpoint')
  const weightBytes = 4 * parameterLayout(config).size
  if (weightBytes > MAX_WEIGHT_BYTES) {
    throw new UsageError(
      `the weights of ${name} take ${(weightBytes / 1e9).toFixed(1)} GB, and bundles with more than 2 GB cannot be read back; give --preset 125M or a smaller one`,
    )
  }
  if (lora !== undefined && lora >= config.hiddenSize) {
    throw new UsageError(
      `--lora ${lora} is no low rank for ${name}, which is ${config.hiddenSize} wide; give a smaller rank, 4 to 64 as a rule`,
    )
  }
}

/** What the scorer is told, of what the user said. `secondsSpent`, on starting and reading, count towards the time budget. */
export function trainOptionsOf(
  options: TrainCommandOptions,
  { trim, secondsSpent }: { readonly trim: boolean; readonly secondsSpent: number },
): TrainOptions {
  const { seed, epochs, preset, init, batchSize, accumulate, learningRate, folds, lora, threads } = options
  const { timeBudget, checkpoint, checkpointEvery, resume } = options
  const given = { seed, epochs, preset, init, batchSize, accumulate, learningRate, folds, lora, threads }
  return {
    trim,
    ...(options.rl !== undefined && { reinforcement: reinforcementOf(options.rl, options) }),
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as TrainOptions),
    ...(timeBudget !== undefined && {
      timeBudgetSeconds: Math.max(LEAST_SECONDS, timeBudget - secondsSpent),
    }),
    ...(checkpoint !== undefined && {
      checkpoint: {
        directory: checkpoint,
        ...(checkpointEvery !== undefined && { everySeconds: checkpointEvery }),
        resume: resume === true,
      },
    }),
  }
}

/** @throws UsageError for options that do not go together */
function reinforcementOf(
  reward: ReinforcementMethod,
  { rlAction, rlSteps, rlLearningRate }: TrainCommandOptions,
): ReinforcementOptions | 'none' {
  const given = {
    ...(rlAction !== undefined && { action: rlAction }),
    ...(rlSteps !== undefined && { numSteps: rlSteps }),
    ...(rlLearningRate !== undefined && { learningRate: rlLearningRate }),
  }
  if (reward === 'none' && Object.keys(given).length > 0) {
    throw new UsageError('--rl-action, --rl-steps and --rl-learning-rate go with another --rl than none')
  }
  if (reward === 'tail' && rlAction !== undefined) {
    throw new UsageError('--rl-action goes with --rl positional or binary; the reward of the tail explores')
  }
  return reward === 'none' ? 'none' : { reward, ...given }
}
