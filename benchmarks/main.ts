import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { TOPOLOGIES } from './chaos/topology-names.js'
import { DEFAULT_REPLAY } from './replay.js'
import { describe, machineFacts } from './report.js'

/** A benchmark's figures by name; those that outside programs read are named in its doc comment. */
type Result = Record<string, unknown>

const program = new Command('bench').description(
  'Measures LogNEO. Lists every benchmark: npm run bench -- --help',
)

/** Adds a benchmark whose module is loaded only when it is asked for. */
function add(name: string, description: string, measure: (options: never) => Promise<Result>): Command {
  return program
    .command(name)
    .description(description)
    .option('--json <file>', 'also write the figures to a file')
    .action(async ({ json, ...options }: { json?: string }) => {
      const machine = machineFacts()
      const result = await measure(options as never)
      process.stdout.write(describe(name, result, machine))
      if (json !== undefined)
        await writeFile(json, `${JSON.stringify({ ...result, machine }, undefined, 1)}\n`)
      if (result.passed === false) process.exitCode = 1
    })
}

/** The options of a log to be replayed. */
function withReplay(command: Command): Command {
  return command
    .option('--input <file>', 'raw lines, plain or .gz (default: the bundled PostgreSQL recording)')
    .option('--session-regex <re>', 'what tells its sessions apart; needed with --input')
    .option('--format <f>', 'its header format (default: recognised)')
}

function replayOf(options: { input?: string; sessionRegex?: string; format?: string }) {
  const { input, sessionRegex, format } = options
  if (input === undefined) return { ...options, ...DEFAULT_REPLAY }
  if (sessionRegex === undefined) program.error('--input needs --session-regex', { exitCode: 2 })
  return { ...options, input, sessionRegex: sessionRegex!, ...(format !== undefined && { format }) }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('must be a number above 0.')
  return value
}

function count(text: string): number {
  const value = positive(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('must be an integer >= 1.')
  return value
}

add('drain', 'lines a second through Drain', async options => (await import('./drain.js')).run(options))
  .option('--input <file>', 'raw lines, plain or .gz (default: generated lines)')
  .option('--runs <n>', 'timed runs', count, 5)

withReplay(
  add('throughput', 'scored events a second from sender to receiver', async options =>
    (await import('./throughput.js')).run(replayOf(options) as never),
  ),
)
  .option('--chunk <n>', 'records a chunk', count, 1000)
  .option('--runs <n>', 'timed replays', count, 5)
  .option('--profile <dir>', 'write CPU profiles of the stage into a folder')

withReplay(
  add('latency', 'milliseconds from sender to receiver', async options =>
    (await import('./latency.js')).run(replayOf(options) as never),
  ),
)
  .option('--rate <n>', 'records a second', count, 1000)
  .option('--seconds <n>', 'how long is measured', positive, 20)

withReplay(
  add('sidecar', 'events a second with the model in a sidecar against in process', async options =>
    (await import('./sidecar.js')).run(replayOf(options) as never),
  ),
)
  .option('--chunk <n>', 'lines judged in a call', count, 1000)
  .option('--runs <n>', 'pairs of timed replays', count, 5)

withReplay(
  add('store', 'scored events a second with sessions in this process and in Redis', async options =>
    (await import('./store.js')).run(replayOf(options) as never),
  ),
)
  .requiredOption('--url <url>', 'the Redis server: redis://HOST:PORT')
  .option('--chunk <n>', 'lines a chunk', count, 500)
  .option('--window <n>', 'chunks under way at a time', count, 8)
  .option('--runs <n>', 'timed runs of each', count, 5)

withReplay(
  add(
    'replicas',
    'one Kafka topic worked off by one replica, by four, and by some that come and go',
    async options => (await import('./replicas.js')).run(replayOf(options) as never),
  ),
)
  .option('--records <n>', 'records in the topic', count, 200_000)
  .option('--fault-share <x>', 'share of sessions that fail', positive, 0.04)
  .option('--rate <n>', 'records a second while replicas come and go', count, 2000)
  .option('--session-timeout <ms>', 'silence after which the group gives a replica up', count, 6000)
  .option('--end <re>', 'what ends a session (default: silence; in the recording, disconnecting)')
  .option('--model <dir>', 'a model (default: one trained on the input)')
  .option('--redis <url>', 'share sessions by this Redis server')
  .option('--broker <host:port>', 'a broker (default: one of its own)')

withReplay(
  add('hostile', 'whether good records survive hostile senders', async options =>
    (await import('./hostile.js')).run(replayOf(options) as never),
  ),
).option('--minutes <n>', 'how long', positive, 1)

withReplay(
  add('chaos', 'whether records survive kills and network cuts', async options =>
    (await import('./chaos.js')).run(replayOf(options) as never),
  ),
)
  .option('--minutes <n>', 'how long, all topologies together', positive, 1)
  .option('--rate <n>', 'records a second', count, 2000)
  .option('--seed <n>', 'random seed of the faults', count, 42)
  .addOption(
    new Option('--topologies <name...>', 'which pipelines').choices(TOPOLOGIES).default([...TOPOLOGIES]),
  )
  .option('--out <dir>', 'where results.md and results.json are, to write the report into them')

add('accuracy', 'precision, recall and F1, one row a method', async options =>
  (await import('./accuracy.js')).run(options),
)
  .option('--train <file...>', 'rows id,label,keys to train on, beside the bundled recording')
  .option('--normal <file...>', 'rows of normal sessions to judge')
  .option('--abnormal <file...>', 'rows of anomalous sessions to judge')
  .option('--normal-population <n>', 'scale false positives to so many normal sessions', count)
  .option('--seed <n>', 'random seed', count, 42)
  .option('--smoke', 'train in one pass, to see that all works')

add('adoption', 'false positives and recall without and with online adoption', async options =>
  (await import('./adoption.js')).run(options),
)
  .requiredOption('--input <file>', 'raw lines in the order of time, plain or .gz')
  .requiredOption('--labels <file>', 'rows session,label after a header; label 1 for anomalous')
  .requiredOption('--session-regex <re>', 'what tells sessions apart')
  .option('--format <f>', 'the header format (default: recognised)')
  .option('--train-sessions <n>', 'sessions, the first to begin, to train on', count, 1000)
  .option('--clean', 'keep sessions labelled anomalous out of training')
  .option('--seed <n>', 'random seed', count, 42)

add('precision', 'what float16 and int8 change on real sessions', async options =>
  (await import('./precision.js')).run(options),
)
  .requiredOption('--model <dir>', 'a model')
  .requiredOption('--normal <file...>', 'rows id,label,keys of normal sessions')
  .requiredOption('--abnormal <file...>', 'rows of anomalous sessions')
  .option('--runs <n>', 'timed runs', count, 5)

add('results', 'every figure of docs/results.md for which there is data', async options =>
  (await import('./results.js')).run(options),
)
  .option('--hdfs <dir>', 'train-normal.csv.gz, dev-normal.csv.gz and dev-abnormal.csv.gz')
  .option('--stream <file>', 'raw lines of HDFS in the order of time; with --stream-labels')
  .option('--stream-labels <file>', 'rows block,label')
  .option('--hadoop <dir>', 'labels.csv, and raw/ with the log of each application')
  .option('--seeds <n>', 'trainings on HDFS, on parts and on all', count, 5)
  .option('--only <part...>', 'recording, batchings, hdfs, contamination, stream, hadoop (default: all)')
  .option('--out <dir>', 'where results.md and results.json are', 'docs')
/** The options of benchmarks of reinforcement. */
function withTrials(command: Command): Command {
  return command
    .option('--train <file...>', 'rows id,label,keys to train on (default: the bundled recording)')
    .option('--normal <file...>', 'rows of normal sessions to judge')
    .option('--abnormal <file...>', 'rows of anomalous sessions to judge')
    .option('--normal-population <n>', 'scale false positives to so many normal sessions', count)
    .option('--seeds <n...>', 'random seeds', ['1', '2', '3', '4', '42'])
    .option('--checkpoints <dir>', 'keep the models of maximum likelihood here for further runs')
}

function seeded<T extends { readonly seeds: readonly string[] }>(options: T) {
  return { ...options, seeds: options.seeds.map(count) }
}

withTrials(
  add('rl', 'maximum likelihood against ways to reinforce it, over seeds', async options =>
    (await import('./reinforcement.js')).run(seeded(options)),
  ),
).option('--methods <names...>', 'only these methods')

withTrials(
  add('rl-figures', 'course of reinforcement, and what its settings do', async options =>
    (await import('./reinforcement-figures.js')).run(seeded(options)),
  ),
).requiredOption('--out <dir>', 'folder for the figures')

await program.parseAsync()
