import { Command, CommanderError, Option } from 'commander'
import { packageVersion } from '../package-version.js'
import { positiveInteger } from './arguments.js'
import { detection, formatOption, withDetection } from './detection-options.js'
import { runOptions, withDevice } from './device-options.js'
import { addDoctor } from './doctor-command.js'
import { addSidecar } from './sidecar-command.js'
import { UsageError } from './terminal.js'
import { addTrain } from './train-command.js'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

const INTRODUCTION = `Finds anomalies in logs: learns what your log normally says, then tells you where it says something else, and why.

Start here:
  logneo demo
      the whole story on bundled PostgreSQL logs, in a minute or two
  logneo train --input app.log --session-regex 'req=(\\w+)' --out model
      learn what app.log normally says
  logneo score --model model --input today.log --explain
      tell what is strange in today.log, and why
  logneo init pipeline
      write a config for Fluent Bit to start from

A session is what belongs together: a request, a block, a connection, or a span of time (--window 60).`

/** Builds the command line. Each command loads its own code when it runs, so that help is instant. */
export function makeProgram(): Command {
  const program = new Command('logneo')
    .description(INTRODUCTION)
    .version(packageVersion(), '--version')
    .helpCommand(false)
    .exitOverride()
  program.configureOutput({ writeErr: text => process.stderr.write(text) })
  addTrain(program)
  addScore(program)
  addEvaluate(program)
  addParse(program)
  addRun(program)
  addSidecar(program)
  addAdopted(program)
  addFeedback(program)
  addHistory(program)
  addCheck(program)
  addInit(program)
  addDoctor(program)
  addDemo(program)
  return program
}

/** Runs the command line. @returns the exit code: 0 done, 1 failed, 2 wrong usage or config */
export async function runCli(argv: readonly string[]): Promise<number> {
  // A reader such as `head` that goes away is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? DONE : FAILED),
  )
  try {
    await makeProgram().parseAsync(argv)
    return typeof process.exitCode === 'number' ? process.exitCode : DONE
  } catch (error) {
    return report(error)
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
  if (!(error instanceof Error)) throw error
  const code = (error as { code?: unknown }).code
  const isExpected = error instanceof UsageError || (typeof code === 'string' && code.startsWith('ERR_'))
  process.stderr.write(
    `logneo: ${isExpected || process.env.LOGNEO_DEBUG === undefined ? error.message : error.stack}\n`,
  )
  return error instanceof UsageError ||
    code === 'ERR_CONFIG' ||
    code === 'ERR_DRAIN_CONFIG' ||
    code === 'ERR_DRAIN_PATTERN' ||
    code === 'ERR_SCORER_OPTIONS' ||
    code === 'ERR_SIDECAR_OPTIONS'
    ? WRONG_USAGE
    : FAILED
}

function addScore(program: Command): void {
  withDevice(
    withDetection(
      program
        .command('score')
        .description(
          'judge the lines of files: NDJSON on stdout, one object a line and one for each session that closes',
        )
        .requiredOption('--model <dir>', 'a model trained on raw lines')
        .requiredOption('--input <file...>', 'raw lines, plain or .gz; - is standard input')
        .option('--complete', 'the end of the input ends the sessions still open')
        .option('--explain', 'print what was flagged, for people')
        .option('--adopt', 'take what keeps coming back across sessions as normal')
        .option('--state <dir>', 'keep what is adopted in a directory, and begin with what it holds')
        .addOption(
          new Option('--fields <set>', 'fields of ordinary lines')
            .choices(['minimal', 'full'])
            .default('full'),
        ),
    ),
  ).action(async ({ model, input, complete, explain, adopt, state, fields, ...rest }) =>
    (await import('./score.js')).scoreCommand({
      stage: { model, detect: detection(rest), scorer: runOptions(rest), fields },
      input,
      complete,
      explain,
      adopt,
      state,
    }),
  )
}

function addEvaluate(program: Command): void {
  withDevice(
    withDetection(
      program
        .command('evaluate')
        .description('precision, recall, F1 and areas under the curves on labelled sessions')
        .requiredOption('--model <dir>', 'a model')
        .requiredOption('--normal <file...>', 'rows id,label,key key key of normal sessions')
        .requiredOption('--abnormal <file...>', 'rows of anomalous sessions')
        .option(
          '--normal-population <n>',
          'scale false positives to so many normal sessions',
          positiveInteger,
        )
        .option('--json <file>', 'also write the figures to a file'),
    ),
  ).action(async ({ model, normal, abnormal, normalPopulation, json, ...rest }) =>
    (await import('./evaluate.js')).evaluateCommand({
      model,
      normal,
      abnormal,
      normalPopulation,
      json,
      detect: detection(rest),
      scorer: runOptions(rest),
    }),
  )
}

function addParse(program: Command): void {
  program
    .command('parse')
    .description('templates alone: NDJSON {"template_id","template","parameters"}, one object a line')
    .requiredOption('--input <file...>', 'raw lines, plain or .gz; - is standard input')
    .addOption(formatOption())
    .option(
      '--mask <preset...>',
      'mask presets, or rules NAME=PATTERN, before the default ones; none: without those',
    )
    .action(async options => (await import('./parse.js')).parseCommand(options))
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('the pipeline stage: records in, tagged records out, until told to stop')
    .requiredOption('--config <file>', 'a *.logneo.yaml; logneo init writes one')
    .action(async ({ config }) => (await import('./run.js')).runCommand(config))
}

function addAdopted(program: Command): void {
  program
    .command('adopted')
    .description('what a stage took as normal because it kept coming back, or because somebody said so')
    .requiredOption('--state <dir>', 'the state directory of the stage')
    .option('--revoke <id>', 'take one back')
    .action(async ({ state, revoke }) => (await import('./adopted.js')).adoptedCommand(state, revoke))
}

function addFeedback(program: Command): void {
  program
    .command('feedback')
    .description('say that a flagged session is normal: what was odd about it is no longer flagged')
    .requiredOption('--normal <session>', 'id of the session, as in its verdicts')
    .option('--state <dir>', 'the state directory of the stage')
    .option('--url <url>', 'or where a running stage serves its metrics, such as http://127.0.0.1:9464')
    .action(async ({ normal, state, url }) => {
      if ((state === undefined) === (url === undefined))
        throw new UsageError('give either --state DIR or --url URL')
      const { feedbackByHttp, feedbackCommand } = await import('./adopted.js')
      if (state !== undefined) feedbackCommand(state, normal)
      else await feedbackByHttp(url, normal, process.env.LOGNEO_FEEDBACK_TOKEN)
    })
}

function addHistory(program: Command): void {
  program
    .command('history')
    .description('the anomalies, or the sessions, that a stage with a history (persist) saw last')
    .requiredOption('--config <file>', 'the config of the stage, which may be running')
    .option('--sessions', 'summaries of sessions instead of anomalies')
    .option('--session <id>', 'of one session alone')
    .option('--since <time>', 'not older: 90m, 12h, 7d, or a date such as 2024-05-01T12:00')
    .option('--limit <n>', 'how many at most, the latest of them', positiveInteger, 20)
    .option('--json', 'print the rows as JSON lines')
    .action(async options => (await import('./history.js')).historyCommand(options))
}

function addCheck(program: Command): void {
  program
    .command('check')
    .description('look a config over, and the model it names, and tell every problem at once')
    .requiredOption('--config <file>', 'a *.logneo.yaml')
    .action(async ({ config }) => {
      process.exitCode = await (await import('./check.js')).check(config)
    })
}

function addInit(program: Command): void {
  program
    .command('init')
    .description('write a config to start from, with comments')
    .argument('[dir]', 'folder for it', '.')
    .option('--for <kind>', 'what it is for: fluent-bit, kafka, files or vector', 'fluent-bit')
    .action(async (dir, options) => {
      const { files, nextSteps } = await (await import('./init.js')).init(dir, options.for)
      process.stderr.write(`${files.map(file => `wrote ${file}`).join('\n')}\n${nextSteps}\n`)
    })
}

function addDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'train on bundled real logs, replay a stream with faults over the wire, print what was caught',
    )
    .option('--progress', 'show a progress bar (default: on a terminal)')
    .option('--no-progress', 'show none')
    .action(async options => (await import('./demo.js')).demoCommand(options))
}
