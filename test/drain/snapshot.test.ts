import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Drain, DrainSnapshotError } from '../../drain/index.js'
import { logLines } from '../fixtures/drain/log-lines.js'

function learnt(): Drain {
  const drain = new Drain({
    maxClusters: 20,
    masks: ['number', { name: 'job', pattern: 'job-\\d+', replaceWith: 'JOB7' }],
  })
  const lines = [
    'job-1 of user=ann done in 5 ms',
    'job-2 of user=bob done in 6 ms',
    'VM started',
    'VM paused',
    '__proto__ x',
  ]
  for (const line of lines) drain.learn(line)
  drain.pin(1)
  drain.label(2, 'paused')
  drain.remove(3)
  return drain
}

t.test('a restored instance goes on exactly as the one it was made from', async t => {
  const options = fc.record({
    maxClusters: fc.integer({ min: 2, max: 12 }),
    maxChildren: fc.integer({ min: 2, max: 4 }),
    depth: fc.integer({ min: 3, max: 5 }),
    similarityThreshold: fc.constantFrom(0.3, 0.5, 0.8),
    maxTokens: fc.constantFrom(4, 256),
  })
  const property = fc.property(options, logLines, logLines, (options, before, after) => {
    const drain = new Drain(options)
    for (const line of before) drain.learn(line)
    if (drain.size > 4) {
      drain.pin(drain.clusters()[0]!.key)
      drain.remove(drain.clusters()[1]!.key)
    }
    const restored = Drain.fromSnapshot(JSON.parse(JSON.stringify(drain.toSnapshot())))
    assert.deepEqual(restored.toSnapshot(), drain.toSnapshot())
    for (const line of after) {
      assert.equal(restored.matchKey(line), drain.matchKey(line))
      const ours = drain.learn(line)
      const theirs = restored.learn(line)
      const facts = (match: typeof ours) => [
        match.key,
        match.change,
        match.cluster.id,
        match.cluster.template,
      ]
      assert.deepEqual(facts(theirs), facts(ours))
    }
    assert.deepEqual(restored.toSnapshot(), drain.toSnapshot())
  })
  fc.assert(property, { seed: 42, numRuns: 400 })
  t.pass('for all lines')
})

t.test('options, masks, labels and pins are part of it', async t => {
  const restored = Drain.fromSnapshot(JSON.parse(JSON.stringify(learnt().toSnapshot())))
  t.equal(restored.cluster(0)!.template, 'JOB7 of user=<*> done in <*> ms')
  t.equal(restored.cluster(1)!.isPinned, true)
  t.equal(restored.cluster(2)!.label, 'paused')
  t.equal(restored.learnKey('new one here'), 4, 'the removed key is not used again')
  t.same(restored.options, learnt().options)
})

t.test('a damaged snapshot is refused with the place of the damage', async t => {
  type Plain = Record<string, unknown> & { clusters: Record<string, unknown>[] }
  const cases: [string, (snapshot: Plain) => unknown][] = [
    ['itself', () => null],
    ['itself', () => []],
    ['itself', () => 'x'],
    ['itself', snapshot => ({ ...snapshot, extra: 1 })],
    ['kind', snapshot => ({ ...snapshot, kind: 'drain3' })],
    ['version', snapshot => ({ ...snapshot, version: 2 })],
    ['options', snapshot => ({ ...snapshot, options: { depth: 1 } })],
    ['options', snapshot => ({ ...snapshot, options: null })],
    ['nextKey', snapshot => ({ ...snapshot, nextKey: -1 })],
    ['clusters', snapshot => ({ ...snapshot, clusters: {} })],
    ['clusters', snapshot => ({ ...snapshot, clusters: Array(21).fill(snapshot.clusters[0]) })],
    ['recency', snapshot => ({ ...snapshot, recency: [0, 0, 1] })],
    ['recency', snapshot => ({ ...snapshot, recency: [] })],
    ['clusters[0]', snapshot => void (snapshot.clusters[0] = null as never)],
    ['clusters[1].key', snapshot => void (snapshot.clusters[1]!.key = 0)],
    ['clusters[0].key', snapshot => void (snapshot.clusters[0]!.key = 99)],
    ['clusters[0].id', snapshot => void (snapshot.clusters[0]!.id = '../../../etc/pas')],
    ['clusters', snapshot => void (snapshot.clusters[0]!.id = snapshot.clusters[1]!.id)],
    ['clusters[0].tokens', snapshot => void (snapshot.clusters[0]!.tokens = Array(999).fill('x'))],
    ['clusters[0].tokens[0]', snapshot => void (snapshot.clusters[0]!.tokens = [{ toString: 1 }])],
    ['clusters[0].path', snapshot => void (snapshot.clusters[0]!.path = [])],
    ['clusters[0].glued[0]', snapshot => void (snapshot.clusters[0]!.glued = [77])],
    ['clusters[0].numLines', snapshot => void (snapshot.clusters[0]!.numLines = 1.5)],
    ['clusters[0].history', snapshot => void (snapshot.clusters[0]!.history = Array(9).fill('x'))],
    ['clusters[0].isPinned', snapshot => void (snapshot.clusters[0]!.isPinned = 'yes')],
    ['clusters[0].label', snapshot => void (snapshot.clusters[0]!.label = 'x'.repeat(2_000))],
  ]
  for (const [path, damage] of cases) {
    const snapshot = JSON.parse(JSON.stringify(learnt().toSnapshot())) as Plain
    try {
      const damaged = damage(snapshot)
      Drain.fromSnapshot(damaged === undefined ? snapshot : damaged)
      t.fail(`${path} accepted`)
    } catch (error) {
      t.ok(error instanceof DrainSnapshotError, String(error))
      t.match(error, { code: 'ERR_DRAIN_SNAPSHOT', retriable: false, path })
    }
  }
})

t.test('prototype tricks change nothing', async t => {
  const text = JSON.stringify(learnt().toSnapshot())
  const polluted = `{"__proto__":{"isPinned":true,"polluted":1},${text.slice(1)}`
  t.throws(() => Drain.fromSnapshot(JSON.parse(polluted)), { code: 'ERR_DRAIN_SNAPSHOT' })
  const inherited = Object.create(JSON.parse(text) as object) as unknown
  t.throws(() => Drain.fromSnapshot(inherited), { code: 'ERR_DRAIN_SNAPSHOT' })
  t.equal(({} as Record<string, unknown>).polluted, undefined)
})

t.test('any mutation of a snapshot is accepted or refused, never anything else', async t => {
  const text = JSON.stringify(learnt().toSnapshot())
  const property = fc.property(
    fc.nat(text.length - 1),
    fc.constantFrom(...'0919"[]{},:nul-e'),
    (at, unit) => {
      let value: unknown
      try {
        value = JSON.parse(text.slice(0, at) + unit + text.slice(at + 1))
      } catch {
        return
      }
      try {
        Drain.fromSnapshot(value).learn('job-3 of user=eve done in 7 ms')
      } catch (error) {
        if (!(error instanceof DrainSnapshotError)) throw error
      }
    },
  )
  fc.assert(property, { seed: 42, numRuns: 1_500 })
  t.pass('for all mutations')
})
