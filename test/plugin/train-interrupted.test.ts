import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { logneo, logneoEach, MAIN, type Run } from '../fixtures/plugin/cli.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

/** `logneo train` with some options. */
const train = (...args: readonly string[]): Promise<Run> => logneo(['train', ...args])

const dir = t.testdir({
  'rows.csv': grammarSessions(1, 36)
    .map(({ keys }, i) => `${i},0,${keys.join(' ')}\n`)
    .join(''),
})
const path = (name: string) => join(dir, name)
const SEQUENCES = ['--sequences', path('rows.csv')]

/** Kills a process as the kernel does, once a file is there. */
async function killWhen(child: ChildProcess, file: string): Promise<void> {
  while (!existsSync(file) && child.exitCode === null) await sleep(5)
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function readModel(model: string): Promise<{ weights: Buffer; id: string }> {
  const weights = await readFile(join(model, 'weights.safetensors'))
  const { id } = JSON.parse(await readFile(join(model, 'manifest.json'), 'utf8')) as { id: string }
  return { weights, id }
}

t.test('a training that is killed, again and again, ends with the model it would have had', async t => {
  const options = [
    ...[...SEQUENCES, '--epochs', '6', '--folds', '2', '--lora', '4'],
    ...['--rl', 'tail', '--rl-steps', '12'],
  ]
  const state = ['--checkpoint', path('state'), '--checkpoint-every', '0.001', '--resume']
  const kept = [...options, ...state, '--out', path('killed')]
  for (const file of ['task-0', 'task-0-rl', 'task-2', 'task-2-rl']) {
    const child = spawn(process.execPath, [MAIN, 'train', ...kept], { stdio: 'ignore' })
    await killWhen(child, path(`state/${file}.safetensors`))
    t.equal(child.signalCode, 'SIGKILL', `within ${file}`)
    t.notOk(existsSync(path('killed')), 'no model yet')
  }
  const resumed = await train(...kept)
  t.equal(resumed.code, 0, resumed.stderr)
  t.notOk(existsSync(path('state')), 'what is done with is removed')
  t.equal((await train(...options, '--out', path('whole'))).code, 0)
  const [killed, whole] = await Promise.all([path('killed'), path('whole')].map(readModel))
  t.ok(killed!.weights.equals(whole!.weights), 'weights are the same, bit for bit')
  t.equal(killed!.id, whole!.id, 'and so is what calibration came to')
})

t.test('a time budget is kept to and told, and has room for reinforcement', async t => {
  const options = ['--epochs', '100000', '--folds', '1', '--rl', 'tail', '--rl-steps', '50000']
  const started = performance.now()
  const { code, stderr } = await train(
    ...[...SEQUENCES, ...options, '--time-budget', '3s', '--out', path('quick')],
  )
  t.equal(code, 0, stderr)
  t.match(
    stderr,
    /the time budget had room for [\d,]+ of 200,000 steps, and for [\d,]+ of 50,000 batches of reinforcement/,
  )
  // Twice as much for a machine that is busy with other tests.
  t.ok(performance.now() - started < 6000, `${performance.now() - started} ms`)
})

t.test('options that do not go together are wrong usage', async t => {
  const cases: [args: string[], message: RegExp][] = [
    [['--resume'], /--resume goes with --checkpoint DIR/],
    [['--checkpoint-every', '5'], /--checkpoint-every goes with --checkpoint/],
    [['--accumulate', '17'], /--accumulate 17 divides a step of 16 sessions; give at most 16/],
    [['--batch-size', '4', '--accumulate', '5'], /give at most 4/],
    [['--lora', '64'], /--lora 64 is no low rank for nano, which is 64 wide/],
    [['--preset', '1.3B', '--lora', '8'], /weights of 1\.3B take 4\.9 GB.*--preset 125M/],
    [['--lora', '0'], /integer >= 1/],
    [['--time-budget', 'soon'], /90, 90s, 5m or 2h/],
    [['--time-budget', '0'], /above 0/],
    [['--learning-rate', '-1'], /above 0/],
  ]
  const runs = await logneoEach(
    cases.map(([args]) => ['train', ...SEQUENCES, ...args, '--out', path('refused')]),
  )
  runs.forEach(({ code, stderr }, i) => {
    t.equal(code, 2, cases[i]![0].join(' '))
    t.match(stderr, cases[i]![1])
  })
})
