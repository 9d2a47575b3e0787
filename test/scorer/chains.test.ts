import t from 'tap'
import { planBatches } from '../../scorer/chains.js'
import { type GptNeoConfig, presetConfig } from '../../scorer/model/config.js'
import { cacheRowSize } from '../../scorer/model/step-graph.js'
import { PrefixTree } from '../../scorer/prefix-tree.js'
import { cacheCapacity, DEFAULT_SCORER_OPTIONS } from '../../scorer/scorer.js'

const MIB = 2 ** 20
const VOCABULARY_SIZE = 20

/** Sessions of which some tokens are waiting to be computed, no two alike. */
function waitingSessions(numSessions: number, known: number, waiting: number) {
  const tree = new PrefixTree(numSessions * (known + waiting) + 2, VOCABULARY_SIZE)
  const nodes: number[] = []
  const distribution = new Float32Array(VOCABULARY_SIZE)
  for (let session = 0; session < numSessions; session++) {
    let node = tree.root
    for (let i = 0; i < known + waiting; i++) {
      const token = i < 3 ? Math.floor(session / 16 ** i) % 16 : 5
      node = tree.child(node, token)
      if (i < known) tree.resolve(node, distribution, 0)
      else if (!nodes.includes(node)) nodes.push(node)
    }
  }
  return { tree, nodes }
}

function keyValueBytes(config: GptNeoConfig, batch: number, tokens: number): number {
  return 4 * batch * tokens * cacheRowSize(config)
}

for (const [known, waiting] of [
  [3, 1],
  [400, 1],
  [3, 700],
] as const) {
  t.test(`batches of a 125M model stay within memory: ${known} tokens known, ${waiting} wait`, async t => {
    const config = presetConfig('125M', VOCABULARY_SIZE)
    const { tree, nodes } = waitingSessions(20, known, waiting)
    const planned = planBatches(tree, nodes, config)
    const order = planned.flatMap(batch => [...batch.nodes].filter(node => node >= 0))
    t.same(
      order.toSorted((a, b) => a - b),
      nodes.toSorted((a, b) => a - b),
      'each node once',
    )
    const places = new Map(order.map((node, i) => [node, i]))
    t.ok(
      order.every(node => (places.get(tree.parent(node)) ?? -1) < places.get(node)!),
      'parents before children',
    )
    for (const { step } of planned) {
      t.ok(step.time <= 256, `chains of ${step.time}`)
      const bytes = keyValueBytes(config, step.batch, step.past + step.time)
      t.ok(step.batch === 1 || bytes <= 128 * MIB, `${step.batch} chains, ${Math.round(bytes / MIB)} MiB`)
    }
  })
}

t.test('small models keep their large batches', async t => {
  const { tree, nodes } = waitingSessions(64, 100, 1)
  const planned = planBatches(tree, nodes, presetConfig('small', VOCABULARY_SIZE))
  t.same(
    planned.map(({ step }) => step.batch),
    [64],
  )
})

t.test('the cache is sized in bytes, with room for a few contexts of any model', async t => {
  const bytesOf = (config: GptNeoConfig): number =>
    4 * cacheCapacity(config, DEFAULT_SCORER_OPTIONS.cacheBytes) * cacheRowSize(config)
  for (const preset of ['nano', 'small'] as const)
    t.ok(bytesOf(presetConfig(preset, VOCABULARY_SIZE)) <= 128 * MIB, preset)
  const large = presetConfig('125M', VOCABULARY_SIZE)
  t.equal(cacheCapacity(large, DEFAULT_SCORER_OPTIONS.cacheBytes), 3 * large.contextLength)
  t.ok(bytesOf(large) <= 432 * MIB, `${bytesOf(large) / MIB} MiB for the 125M model`)
})
