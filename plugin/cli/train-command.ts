import { type Command, Option } from 'commander'
import { PRESET_NAMES } from '../../scorer/model/config.js'
import { REINFORCEMENT_METHODS } from '../../scorer/train/rl/options.js'
import { TRACE_NAMES } from '../join/traces.js'
import { duration, integer, positive, positiveInteger } from './arguments.js'
import { formatOption } from './detection-options.js'

/** Adds `logneo train`. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .description('learn a model from normal logs')
    .option('--input <file...>', 'raw lines, plain or .gz, one record a line')
    .option('--sequences <file...>', 'rows id,label,key key key instead of raw lines')
    .requiredOption('--out <dir>', 'where the model goes')
    .addOption(formatOption())
    .option(
      '--mask <preset...>',
      'mask presets, or rules NAME=PATTERN, before the default ones; none: without those',
    )
    .option(
      '--session-regex <re>',
      'what tells sessions apart: the first group of RE in the line, else the whole match',
    )
    .option(
      '--session-field <path>',
      'the field of the JSON record, or of the header, that tells sessions apart',
    )
    .option(
      '--window <seconds>',
      'sessions are spans of time; with a regex or field, of each value by itself',
      positive,
    )
    .option('--step <seconds>', 'a window begins every so often (default: the window)', positive)
    .option('--session-end <re>', 'a line that matches ends its session')
    .addOption(
      new Option(
        '--join [language...]',
        'traces and broken lines go on with the line before them; by default of all languages known',
      ).choices(TRACE_NAMES),
    )
    .option(
      '--idle-timeout <seconds>',
      'a session quiet for so long has ended (default: learnt from the log)',
      positive,
    )
    .option('--complete', 'the end of the input ends the sessions still open')
    .option('--allow-labels', 'train on rows labelled 1 too')
    .option('--trim', 'leave sessions unlike all others out (default: of raw lines, not of --sequences)')
    .option('--no-trim', 'train on all sessions, also on those unlike all others')
    .option('--seed <n>', 'random seed', integer, 42)
    .option('--epochs <n>', 'passes over the data (default: about 4,500 steps)', positiveInteger)
    .addOption(new Option('--preset <name>', 'size of the model (default: nano)').choices(PRESET_NAMES))
    .option('--init <dir>', 'start from the GPT-Neo checkpoint in a local Hugging Face directory')
    .option('--batch-size <n>', 'sessions a step (default: 16, fewer where they are long)', positiveInteger)
    .option('--accumulate <n>', 'compute each step in N parts, which takes less memory', positiveInteger)
    .option('--learning-rate <x>', 'highest learning rate (default: 0.001)', positive)
    .option('--folds <n>', 'models to calibrate with; 1 holds a fifth of the sessions out', positiveInteger)
    .option('--lora <rank>', 'freeze the weights and train low-rank adapters on them', positiveInteger)
    .option('--threads <n>', 'threads of each training (default: 1, more for large models)', positiveInteger)
    .option('--time-budget <time>', 'train for so long at most: 90, 90s, 5m, 2h', duration)
    .option('--checkpoint <dir>', 'keep the state of training in a directory')
    .option('--checkpoint-every <time>', 'how often (default: 60s); goes with --checkpoint', duration)
    .option('--resume', 'go on from what --checkpoint holds, if anything')
    .addOption(
      new Option(
        '--rl <method>',
        'reinforcement after maximum likelihood: tail; or, as in the papers, positional or binary',
      )
        .choices(REINFORCEMENT_METHODS)
        .default('none'),
    )
    .addOption(
      new Option(
        '--rl-action <reading>',
        'what is rewarded: a key drawn from the model, or the observed key',
      ).choices(['sampled', 'observed']),
    )
    .option(
      '--rl-steps <n>',
      'batches of reinforcement (default: 200, or four passes if fewer)',
      positiveInteger,
    )
    .option('--rl-learning-rate <x>', 'learning rate of reinforcement', positive)
    .option('--no-report', 'write no report.html, which holds templates and sessions of the log')
    .option('--progress', 'show a progress bar (default: on a terminal)')
    .option('--no-progress', 'show none')
    .action(async options => (await import('./train.js')).trainCommand(options))
}
