import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../../plugin/cli/program.js'
import { trainCommand } from '../../plugin/cli/train.js'
import { readBundle } from '../../scorer/bundle.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const dir = t.testdir({
  'rows.csv': grammarSessions(1, 60)
    .map(({ keys }, i) => `${i},0,${keys.join(' ')}\n`)
    .join(''),
})
const rows = join(dir, 'rows.csv')

t.test('train --rl leaves its course in the bundle', async t => {
  const out = join(dir, 'model')
  const command = { sequences: [rows], out, epochs: 1, progress: false }
  await trainCommand({ ...command, rl: 'tail', rlSteps: 3, rlLearningRate: 1e-3 })
  const { training } = await readBundle(out)
  t.match(training, {
    options: { reinforcement: { reward: 'tail', action: 'explored', numSteps: 3, learningRate: 1e-3 } },
    reinforcement: { model: { steps: { length: 3 } }, folds: { length: 3 } },
  })
  t.match(await readFile(join(out, 'report.html'), 'utf8'), /Reinforcement \(tail\).*Reward per step/s)
  await trainCommand({ ...command, rl: 'none' })
  t.equal((await readBundle(out)).training.reinforcement, undefined)
  t.notMatch(await readFile(join(out, 'report.html'), 'utf8'), /Reinforcement/)
})

t.test('settings of reinforcement that fit nothing are refused', async t => {
  const wrong: [string[], RegExp][] = [
    [['--rl', 'none', '--rl-steps', '9'], /go with another --rl than none/],
    [['--rl', 'tail', '--rl-action', 'sampled'], /--rl-action goes with --rl positional or binary/],
    [['--rl', 'ppo'], /positional, binary, tail, none/],
    [['--rl', 'binary', '--rl-action', 'explored'], /sampled, observed/],
    [['--rl', 'binary', '--rl-steps', '0'], /integer >= 1/],
    [['--rl', 'binary', '--rl-learning-rate', '-1'], /number above 0/],
  ]
  for (const [options, message] of wrong) {
    const said: string[] = []
    const write = process.stderr.write
    process.stderr.write = (text: string | Uint8Array) => said.push(String(text)) > 0
    const code = await runCli([
      'node',
      'logneo',
      'train',
      '--sequences',
      rows,
      '--out',
      join(dir, 'x'),
      ...options,
    ])
    process.stderr.write = write
    t.equal(code, 2, options.join(' '))
    t.match(said.join(''), message)
  }
})
