import t from 'tap'
import { Random } from '../../scorer/random.js'
import type { ReinforcementOptions } from '../../scorer/train/rl/options.js'
import { makeTrainable } from '../../scorer/train/trainable.js'
import { runTiny } from '../fixtures/scorer/ppo-run.js'
import { randomParameters, TINY } from '../fixtures/scorer/tiny-model.js'

const METHODS: Readonly<Record<string, ReinforcementOptions>> = {
  sampled: { reward: 'positional', action: 'sampled', numSteps: 6 },
  explored: { reward: 'tail', action: 'explored', numSteps: 6 },
}

for (const [name, options] of Object.entries(METHODS)) {
  for (const lora of [0, 2]) {
    t.test(`in parts PPO comes to what it comes to in one (${name}, rank ${lora})`, async t => {
      const { form, frozen } = makeTrainable(TINY, randomParameters(TINY, 2), lora, new Random(3))
      const whole = await runTiny(options, lora)
      // Batches of 8 sessions: parts of 3, 3 and 2.
      const parts = await runTiny(options, lora, { model: { form, frozen, threads: 1, accumulate: 3 } })
      t.equal(parts.record.steps.length, 6)
      whole.record.steps.forEach((step, i) => {
        const given = parts.record.steps[i]!
        for (const figure of ['reward', 'ratio', 'approxKl', 'entropy', 'crossEntropy'] as const)
          t.ok(
            Math.abs(given[figure] - step[figure]) < 1e-4,
            `step ${i}: ${figure} ${given[figure]}, ${step[figure]}`,
          )
      })
      const furthest = whole.parameters.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - parts.parameters[i]!)),
        0,
      )
      t.ok(furthest < 1e-3, `parameters differ by ${furthest}`)
    })
  }
}
