import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const MAIN = resolve(fileURLToPath(import.meta.url), '../../../plugin/cli/main.js')

interface Run {
  readonly code: number
  readonly stderr: string
}

function train(...args: string[]): Promise<Run> {
  return new Promise(done => {
    execFile(process.execPath, [MAIN, 'train', ...args], (error, _, stderr) =>
      done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stderr }),
    )
  })
}

const dir = t.testdir({
  'rows.csv': grammarSessions(1, 60)
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
  const options = [...SEQUENCES, '--epochs', '15', '--folds', '2']
  const kept = [
    '--out',
    path('killed'),
    '--checkpoint',
    path('state'),
    '--checkpoint-every',
    '0.001',
    '--resume',
  ]
  for (const task of [0, 2]) {
    const child = spawn(process.execPath, [MAIN, 'train', ...options, ...kept], { stdio: 'ignore' })
    await killWhen(child, path(`state/task-${task}.safetensors`))
    t.equal(child.signalCode, 'SIGKILL')
    t.notOk(existsSync(path('killed')), 'no model yet')
  }
  const resumed = await train(...options, ...kept)
  t.equal(resumed.code, 0, resumed.stderr)
  t.notOk(existsSync(path('state')), 'what is done with is removed')
  t.equal((await train(...options, '--out', path('whole'))).code, 0)
  const [killed, whole] = await Promise.all([path('killed'), path('whole')].map(readModel))
  t.ok(killed!.weights.equals(whole!.weights), 'weights are the same, bit for bit')
  t.equal(killed!.id, whole!.id, 'and so is what calibration came to')
})

t.test('a training that is killed within reinforcement ends with the model it would have had', async t => {
  const options = [
    ...SEQUENCES,
    '--epochs',
    '2',
    '--folds',
    '2',
    '--lora',
    '4',
    '--rl',
    'tail',
    '--rl-steps',
    '24',
  ]
  const state = ['--checkpoint', path('rl-state'), '--checkpoint-every', '0.001', '--resume']
  const kept = ['--out', path('rl-killed'), ...state]
  for (const task of [0, 2]) {
    const child = spawn(process.execPath, [MAIN, 'train', ...options, ...kept], { stdio: 'ignore' })
    await killWhen(child, path(`rl-state/task-${task}-rl.safetensors`))
    t.equal(child.signalCode, 'SIGKILL')
    t.notOk(existsSync(path('rl-killed')), 'no model yet')
  }
  const resumed = await train(...options, ...kept)
  t.equal(resumed.code, 0, resumed.stderr)
  t.notOk(existsSync(path('rl-state')), 'what is done with is removed')
  t.equal((await train(...options, '--out', path('rl-whole'))).code, 0)
  const [killed, whole] = await Promise.all([path('rl-killed'), path('rl-whole')].map(readModel))
  t.ok(killed!.weights.equals(whole!.weights), 'weights are the same, bit for bit')
  t.equal(killed!.id, whole!.id, 'and so is what calibration came to')
})

t.test('a time budget is kept to and told', async t => {
  const started = performance.now()
  const { code, stderr } = await train(
    ...[...SEQUENCES, '--epochs', '100000', '--folds', '1', '--time-budget', '4s', '--out', path('quick')],
  )
  t.equal(code, 0, stderr)
  t.match(stderr, /the time budget had room for [\d,]+ of 300,000 steps/)
  // Half as much again for a machine that is busy with other tests.
  t.ok(performance.now() - started < 6000, `${performance.now() - started} ms`)
})

t.test('a time budget has room for reinforcement', async t => {
  const options = ['--epochs', '100000', '--folds', '1', '--rl', 'tail', '--rl-steps', '50000']
  const { code, stderr } = await train(
    ...[...SEQUENCES, ...options, '--time-budget', '4s', '--out', path('quick-rl')],
  )
  t.equal(code, 0, stderr)
  t.match(
    stderr,
    /the time budget had room for [\d,]+ of 300,000 steps, and for [\d,]+ of 50,000 batches of reinforcement/,
  )
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
  const runs = await Promise.all(
    cases.map(([args]) => train(...SEQUENCES, ...args, '--out', path('refused'))),
  )
  runs.forEach(({ code, stderr }, i) => {
    t.equal(code, 2, cases[i]![0].join(' '))
    t.match(stderr, cases[i]![1])
  })
})
