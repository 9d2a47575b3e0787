import t from 'tap'
import { planBatches } from '../../scorer/chains.js'
import { PrefixTree } from '../../scorer/prefix-tree.js'

const VOCABULARY = 8

/** A tree whose root has known prefixes of the given lengths below it, and one waiting node after each. */
function treeWithPrefixes(lengths: readonly number[]): { tree: PrefixTree; waiting: number[] } {
  const tree = new PrefixTree(1000, VOCABULARY)
  const distribution = new Float32Array(VOCABULARY)
  const waiting = lengths.map((length, branch) => {
    let node = tree.child(tree.root, branch)
    for (let i = 0; i < length; i++) {
      tree.resolve(node, distribution, 0)
      node = tree.child(node, 0)
    }
    return node
  })
  return { tree, waiting }
}

t.test('prefixes of one batch, padding included, stay within 128 MiB of keys and values', t => {
  const { tree, waiting } = treeWithPrefixes([1, 2, 3, 100, 100, 100])
  const rowSize = 2 ** 18 // 1 MiB a token
  const batches = planBatches(tree, waiting, rowSize)
  t.same(
    batches.map(({ step }) => [step.batch, step.past]),
    [
      [3, 3],
      [1, 100],
      [1, 100],
      [1, 100],
    ],
  )
  const narrow = planBatches(tree, waiting, 256)
  t.same(
    narrow.map(({ step }) => [step.batch, step.past]),
    [[6, 100]],
  )
  const nodes = batches.flatMap(batch => [...batch.nodes])
  t.same(nodes.toSorted(), waiting.toSorted(), 'each is computed once')
  t.end()
})

t.test('a prefix too large for the bound is computed by itself', t => {
  const { tree, waiting } = treeWithPrefixes([7, 7])
  const batches = planBatches(tree, waiting, 2 ** 26)
  t.same(
    batches.map(({ step }) => step.batch),
    [1, 1],
  )
  t.end()
})
