import t from 'tap'
import { type Finding, runCampaign, runOnce } from './campaign.js'
import { regressionsOf } from './regressions.js'
import type { FuzzTarget } from './target.js'
import { TARGETS } from './targets.js'

const INPUTS = 150
const SEED = 1

for (const { name, open } of TARGETS) {
  t.test(`${name}: what once went wrong does not again, nor do a few fresh inputs`, async t => {
    const target = await open()
    t.teardown(() => target.close?.())
    for (const { file, input } of regressionsOf(name)) {
      const { reason } = await runOnce(target, input)
      t.equal(reason, undefined, file)
    }
    const findings: Finding[] = []
    const { ends } = await runCampaign(target, {
      inputs: INPUTS,
      seed: SEED,
      onFinding: finding => findings.push(finding),
    })
    t.strictSame(
      findings.map(({ input, reason }) => `${reason}: ${input.toString('hex', 0, 200)}`),
      [],
    )
    t.ok(ends >= 2, `${ends} ends`)
  })
}

/** Goes wrong in some way when the first byte is large. */
const sick = (goWrong: () => string): FuzzTarget => ({
  seeds: [Buffer.from([0])],
  run: input => ((input[0] ?? 0) > 250 ? goWrong() : 'fine'),
})

async function findingsOf(target: FuzzTarget, seed = SEED): Promise<Finding[]> {
  const findings: Finding[] = []
  await runCampaign(target, { inputs: 300, seed, onFinding: finding => findings.push(finding) })
  return findings
}

t.test('what goes wrong is found: errors, and time', async t => {
  const thrown = await findingsOf(
    sick(() => {
      throw new TypeError('no good')
    }),
  )
  t.ok(thrown.length > 0)
  t.match(thrown[0], { reason: /^TypeError: no good \| at/ })
  t.ok(thrown.every(({ input }) => input[0]! > 250))
  let rounds = 0
  const [slow] = await findingsOf(
    sick(() => {
      if (rounds++ > 3) return 'fine'
      burn(400)
      return 'slow'
    }),
  )
  t.match(slow, { reason: /^took \d+ ms$/ })
})

/** Keeps the processor busy for so many milliseconds of its time. */
function burn(ms: number): void {
  const before = process.cpuUsage()
  let spentMs = 0
  while (spentMs < ms) {
    const { user, system } = process.cpuUsage(before)
    spentMs = (user + system) / 1000
  }
}

t.test('the same seed makes the same inputs, another seed others', async t => {
  const inputsOf = async (seed: number): Promise<string[]> => {
    const inputs: string[] = []
    const target = { seeds: [Buffer.from('a seed'), Buffer.from('another')], run: () => 'fine' }
    const onInput = (input: Buffer): void => void inputs.push(input.toString('hex'))
    await runCampaign(target, { inputs: 500, seed, onInput, onFinding: () => {} })
    return inputs
  }
  t.strictSame(await inputsOf(1), await inputsOf(1))
  t.notSame(await inputsOf(1), await inputsOf(2))
  t.ok(new Set(await inputsOf(1)).size > 250)
})
