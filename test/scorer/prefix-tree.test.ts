import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { PrefixTree } from '../../scorer/prefix-tree.js'

const VOCABULARY = 5

/** The log-probabilities that stand for a prefix in these tests; any numbers that tell prefixes apart would do. */
function logProbabilities(prefix: readonly number[]): Float32Array {
  const seed = prefix.reduce((sum, token) => (sum * 7 + token + 1) % 1009, 1)
  return Float32Array.from({ length: VOCABULARY }, (_, token) => -((seed * (token + 3)) % 101) - 1)
}

function prefixOf(tree: PrefixTree, node: number): number[] {
  const prefix: number[] = []
  for (let at = node; at !== tree.root; at = tree.parent(at)) prefix.unshift(tree.token(at))
  return prefix
}

function walk(tree: PrefixTree, prefix: readonly number[]): number {
  return prefix.reduce((node, token) => (node < 0 ? node : tree.peekChild(node, token)), tree.root)
}

interface Remembered {
  readonly node: number
  readonly stamp: number
  pins: number
  isKnown: boolean
}

/** Every prefix ever entered, as a plain map; what the tree may forget is decided by looking at it. */
class Model {
  readonly prefixes = new Map<string, Remembered>()

  constructor(readonly tree: PrefixTree) {}

  enter(prefix: readonly number[]): void {
    let node = this.tree.root
    prefix.forEach((token, i) => {
      node = this.tree.child(node, token)
      const key = prefix.slice(0, i + 1).join()
      const old = this.prefixes.get(key)
      const stamp = this.tree.stamp(node)
      if (old === undefined || old.node !== node || old.stamp !== stamp) {
        assert.ok(old === undefined || old.pins === 0, 'a pinned prefix was forgotten')
        assert.ok(!this.tree.isKnown(node), 'a prefix made anew must wait')
        this.prefixes.set(key, { node, stamp, pins: 0, isKnown: false })
      }
    })
  }

  check(): void {
    const { tree } = this
    let numWaiting = 0
    let numPresent = 0
    const held = new Set<string>()
    for (const [key, { node, stamp, pins, isKnown }] of this.prefixes) {
      const prefix = key.split(',').map(Number)
      const isPresent = tree.stamp(node) === stamp
      assert.equal(
        walk(tree, prefix) === node && isPresent,
        isPresent,
        'an equal stamp means the same prefix',
      )
      if (!isPresent) {
        assert.equal(pins, 0, 'pinned prefixes stay')
        assert.ok(isKnown, 'waiting prefixes stay')
        continue
      }
      numPresent++
      held.add(key)
      assert.deepEqual(prefixOf(tree, node), prefix)
      assert.equal(tree.depth(node), prefix.length)
      assert.equal(tree.isKnown(node), isKnown)
      if (isKnown) assert.deepEqual(tree.distribution(node), logProbabilities(prefix))
      else numWaiting++
    }
    for (const key of held) {
      const parent = key.split(',').slice(0, -1).join()
      assert.ok(parent === '' || held.has(parent), 'a prefix never outlives the one it grew from')
    }
    assert.equal(tree.numWaiting, numWaiting)
    assert.equal(tree.size, numPresent + 1)
    assert.ok(tree.size <= tree.capacity)
  }
}

type Step =
  | { readonly kind: 'enter'; readonly prefix: readonly number[] }
  | { readonly kind: 'pin' | 'unpin' | 'resolve'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('enter' as const),
      prefix: fc.array(fc.nat(VOCABULARY - 1), { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('pin' as const, 'unpin' as const), which: fc.nat(30) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('resolve' as const), which: fc.nat(30) }) },
)

function present(model: Model): [string, Remembered][] {
  return [...model.prefixes].filter(([, { node, stamp }]) => model.tree.stamp(node) === stamp)
}

function take(model: Model, step: Step): void {
  if (step.kind === 'enter') {
    model.enter(step.prefix)
    return
  }
  const candidates = present(model)
  const [key, one] = candidates[step.which % Math.max(1, candidates.length)] ?? []
  if (key === undefined || one === undefined) return
  if (step.kind === 'pin') {
    model.tree.pin(one.node)
    one.pins++
  } else if (step.kind === 'unpin' && one.pins > 0) {
    model.tree.unpin(one.node)
    one.pins--
  } else if (step.kind === 'resolve') {
    const prefix = key.split(',').map(Number)
    model.tree.resolve(one.node, Float32Array.from([9, 9, ...logProbabilities(prefix)]), 2)
    one.isKnown = true
  }
}

t.test('the tree is a map of prefixes that forgets only what nobody uses', async t => {
  const property = fc.property(
    fc.integer({ min: 8, max: 20 }),
    fc.array(step, { maxLength: 80 }),
    (capacity, steps) => {
      const model = new Model(new PrefixTree(capacity, VOCABULARY))
      for (const one of steps) {
        try {
          take(model, one)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          return
        }
        model.check()
      }
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 7, numRuns: 400 }))
})

function resolved(tree: PrefixTree, parent: number, token: number): number {
  const node = tree.child(parent, token)
  tree.resolve(node, logProbabilities(prefixOf(tree, node)), 0)
  return node
}

t.test('the prefix used longest ago makes room', async t => {
  const tree = new PrefixTree(4, VOCABULARY)
  const [a, b, c] = [0, 1, 2].map(token => resolved(tree, tree.root, token))
  tree.child(tree.root, 0)
  const stamp = tree.stamp(b!)
  tree.child(tree.root, 3)
  t.equal(tree.peekChild(tree.root, 0), a, 'it was used again')
  t.equal(tree.peekChild(tree.root, 1), -1)
  t.equal(tree.peekChild(tree.root, 2), c)
  t.not(tree.stamp(b!), stamp, 'who holds the old node can see that it is another now')
})

t.test('a tree full of prefixes in use says so', async t => {
  const tree = new PrefixTree(3, VOCABULARY)
  tree.child(tree.root, 0)
  tree.pin(resolved(tree, tree.root, 1))
  t.throws(() => tree.child(tree.root, 2), RangeError)
})

t.test('stamps of a tree start where they are told to', async t => {
  const tree = new PrefixTree(3, VOCABULARY, 5000)
  t.equal(tree.stamp(tree.child(tree.root, 0)), 5000)
})

t.test('surprise and rank read the distribution', async t => {
  const tree = new PrefixTree(3, VOCABULARY)
  const node = tree.child(tree.root, 1)
  tree.resolve(node, Float32Array.of(-4, -1, -2, -1, -8), 0)
  t.equal(tree.surprise(node, 2), 2)
  t.same(
    [0, 1, 2, 3, 4].map(token => tree.rank(node, token)),
    [3, 0, 2, 0, 4],
  )
})
