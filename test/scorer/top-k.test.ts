import t from 'tap'
import { DETECTOR_INDEX, newStatistics } from '../../scorer/detectors/detector.js'
import { Judge } from '../../scorer/judge.js'
import { PrefixTree } from '../../scorer/prefix-tree.js'
import { Random } from '../../scorer/random.js'
import { calibrated, exponential, validationOf } from '../fixtures/scorer/validation.js'

/** The tree's empty prefix, after which keys have these probabilities. */
function after(probabilities: readonly number[]) {
  const tree = new PrefixTree(4, probabilities.length)
  tree.resolve(tree.root, Float32Array.from(probabilities, Math.log), 0)
  return { rarity: (token: number) => Math.exp(-tree.rarity(tree.root, token)) }
}

t.test('rarity is the probability of a key and all that are no likelier', async t => {
  const { rarity } = after([0.5, 0.2, 0.2, 0.1])
  for (const [token, expected] of [1, 0.5, 0.5, 0.1].entries())
    t.ok(Math.abs(rarity(token) - expected) < 1e-6, `token ${token}: ${rarity(token)}`)
})

t.test('with an adaptive K more keys are normal where many are about as likely', async t => {
  const rarities = exponential(new Random(2), 2000, 1)
  const judge = new Judge(calibrated(validationOf({ rarity: rarities })), {
    falseAlarmRate: 0.05,
    detectors: ['top-k'],
    topK: 'adaptive',
  })
  const isFlagged = (probabilities: readonly number[], token: number): boolean => {
    const shown = newStatistics()
    shown[DETECTOR_INDEX.rarity] = -Math.log(after(probabilities).rarity(token))
    return judge.judge(judge.begin(), shown).isAnomaly
  }
  const even = Array.from({ length: 12 }, () => 1 / 12)
  const certain = [0.96, ...Array.from({ length: 11 }, () => 0.04 / 11)]
  t.same(
    [0, 3, 11].map(token => isFlagged(even, token)),
    [false, false, false],
  )
  t.same(
    [0, 3, 11].map(token => isFlagged(certain, token)),
    [false, true, true],
  )
  const beyond = rarities.filter(rarity => {
    const shown = newStatistics()
    shown[DETECTOR_INDEX.rarity] = rarity
    return judge.judge(judge.begin(), shown).isAnomaly
  })
  t.ok(Math.abs(beyond.length - 100) <= 2, `${beyond.length} of 2,000 at a rate of 0.05`)
})
