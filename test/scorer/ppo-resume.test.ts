import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ReinforcementOptions } from '../../scorer/train/rl/options.js'
import { train } from '../../scorer/train/train.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'
import { runTiny } from '../fixtures/scorer/ppo-run.js'

/** More than an epoch of batches, and looks at held-out sessions that depend on the policy. */
const NUM_STEPS = 16
/** After the first batch, within the first epoch and within the second. */
const STOPS = [1, 6, 13]
const missRate = async (policy: Float32Array) => Math.abs(policy[0]!)

const CASES: Readonly<Record<string, ReinforcementOptions & { readonly lora: number }>> = {
  'sampled keys, one baseline': { reward: 'binary', action: 'sampled', lora: 0 },
  'observed keys, a baseline for each position': {
    reward: 'positional',
    action: 'observed',
    baseline: 'by-position',
    lora: 0,
  },
  'explored keys': { reward: 'tail', lora: 0 },
  'explored keys through adapters': { reward: 'tail', lora: 2 },
}

for (const [name, { lora, ...options }] of Object.entries(CASES)) {
  t.test(`stopped anywhere, PPO goes on as if it had not been (${name}, rank ${lora})`, async t => {
    const settings = { ...options, numSteps: NUM_STEPS, validationInterval: 3 }
    const whole = await runTiny(settings, lora, { missRate })
    const dir = t.testdir()
    for (const last of STOPS) {
      const checkpoint = { path: join(dir, `stopped-${last}.safetensors`), everySeconds: 0 }
      const stop = ({ step }: { step: number }) => {
        if (step > last) throw new Error('stopped')
      }
      await t.rejects(runTiny(settings, lora, { missRate, checkpoint }, stop), /stopped/)
      t.same(await runTiny(settings, lora, { missRate, checkpoint }), whole, `after batch ${last}`)
      if (last === STOPS[0])
        t.same(await runTiny(settings, lora, { missRate, checkpoint }), whole, 'when all is done')
    }
  })
}

t.test('a training goes on within reinforcement, and likelihood is not begun again', async t => {
  const sessions = grammarSessions(1, 40)
  const directory = join(t.testdir(), 'state')
  const options = { epochs: 2, folds: 2, lora: 4, reinforcement: { reward: 'tail', numSteps: 6 } } as const
  const kept = { ...options, checkpoint: { directory, everySeconds: 0, resume: true } }
  const whole = await train(sessions, options)
  await train(sessions, kept)
  await rm(join(directory, 'task-1-rl.safetensors'))
  const steps: string[] = []
  const resumed = await train(sessions, kept, (_done, _total, { task, step, reward }) => {
    steps.push(`task ${task}, step ${step}, ${reward === undefined ? 'likelihood' : 'reinforcement'}`)
  })
  t.same(resumed.parameters, whole.parameters)
  t.same(resumed.validation, whole.validation)
  t.same(resumed.training.reinforcement, whole.training.reinforcement)
  t.same(
    [...new Set(steps)],
    [5, 6, 7, 8, 9, 10].map(i => `task 1, step ${i}, reinforcement`),
    'four steps of likelihood are there',
  )
})

t.test('what is left of a checkpoint is told', async t => {
  const directory = join(t.testdir(), 'state')
  const options = {
    epochs: 1,
    folds: 1,
    reinforcement: { numSteps: 2 },
    checkpoint: { directory, everySeconds: 0, resume: true },
  }
  await train(grammarSessions(1, 40), options)
  const file = join(directory, 'task-0-rl.safetensors')
  const bytes = await readFile(file)
  await writeFile(file, bytes.subarray(0, 3000))
  await t.rejects(train(grammarSessions(1, 40), options), /task-0-rl\.safetensors is damaged; remove it/)
  await writeFile(file, bytes)
  await rm(join(directory, 'task-0.safetensors'))
  await t.rejects(train(grammarSessions(1, 40), options), /task-0\.safetensors is missing.*train again/)
})
