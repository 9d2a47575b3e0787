import fc from 'fast-check'
import t from 'tap'
import { Random } from '../../scorer/random.js'
import { segmentFigures, segments } from '../../scorer/segments.js'
import { epochGroups, makeBatch } from '../../scorer/train/batches.js'
import { BEGIN, END } from '../../scorer/vocabulary.js'

t.test('each key, and the end if it was seen, is a target exactly once and in order', async t => {
  const property = fc.property(
    fc.array(fc.integer({ min: 3, max: 99 }), { maxLength: 60 }),
    fc.boolean(),
    fc.integer({ min: 2, max: 17 }),
    (keys, ended, contextLength) => {
      const all = [BEGIN, ...keys, ...(ended ? [END] : [])]
      const targets: number[] = []
      for (const segment of segments({ tokens: Int32Array.from(keys), ended }, contextLength)) {
        if (segment.inputs.length > contextLength || segment.inputs.length !== segment.targets.length)
          return false
        for (let at = segment.scoredFrom; at < segment.targets.length; at++) {
          targets.push(segment.targets[at]!)
          if (segment.start + at !== targets.length - 1) return false
          // The inputs up to a target are the tokens right before it.
          const before = all.slice(targets.length - at - 1, targets.length)
          if (before.join() !== segment.inputs.subarray(0, at + 1).join()) return false
          const isLong = targets.length > contextLength
          if (isLong && at + 1 < contextLength >> 1) return false
        }
      }
      return targets.join() === all.slice(1).join()
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 3, numRuns: 500 }))
})

t.test(
  'a session that fits its context is one segment, and an empty open one has nothing to predict',
  async t => {
    const fitting = [...segments({ tokens: Int32Array.of(5, 6), ended: true }, 3)]
    t.same(fitting, [
      { start: 0, inputs: Int32Array.of(1, 5, 6), targets: Int32Array.of(5, 6, 2), scoredFrom: 0 },
    ])
    t.same([...segments({ tokens: new Int32Array(0), ended: false }, 3)], [])
  },
)

t.test(
  'a batch pads to the right and learns nothing from padding or from what was learnt before',
  async t => {
    const batch = makeBatch([
      { start: 0, inputs: Int32Array.of(1, 5), targets: Int32Array.of(5, 2), scoredFrom: 0 },
      { start: 2, inputs: Int32Array.of(4, 5, 6), targets: Int32Array.of(5, 6, 7), scoredFrom: 2 },
    ])
    t.same(batch, {
      tokens: { data: Int32Array.of(1, 5, 0, 4, 5, 6), shape: [2, 3] },
      targets: { data: Int32Array.of(5, 2, 0, 5, 6, 7), shape: [2, 3] },
      weights: { data: Float32Array.of(1, 1, 0, 0, 0, 1), shape: [2, 3] },
    })
  },
)

t.test('an epoch holds every segment once, in an order that the seed decides', async t => {
  const pieces = Array.from({ length: 57 }, (_, i) => ({
    start: 0,
    inputs: new Int32Array(1 + (i % 7)).fill(i + 10),
    targets: new Int32Array(1 + (i % 7)).fill(i + 11),
    scoredFrom: 0,
  }))
  const firstTokens = (seed: number) =>
    epochGroups(pieces, 8, new Random(seed)).map(group => group.map(({ inputs }) => inputs[0]!))
  const epoch = firstTokens(1)
  t.equal(epoch.length, 8)
  t.same(
    epoch.flat().sort((a, b) => a - b),
    pieces.map((_, i) => i + 10),
  )
  t.same(epoch, firstTokens(1))
  t.notSame(epoch, firstTokens(2))
})

t.test('segments are counted without making them', async t => {
  const property = fc.property(
    fc.array(fc.record({ length: fc.nat({ max: 60 }), ended: fc.boolean() }), { maxLength: 5 }),
    fc.integer({ min: 2, max: 17 }),
    (sessions, contextLength) => {
      const made = sessions.flatMap(({ length, ended }) => [
        ...segments({ tokens: new Int32Array(length).fill(4), ended }, contextLength),
      ])
      const numTokens = made.reduce((sum, { inputs }) => sum + inputs.length, 0)
      const { count, meanLength } = segmentFigures(sessions, contextLength)
      return count === made.length && Math.abs(meanLength - numTokens / Math.max(1, made.length)) < 1e-9
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 4, numRuns: 500 }))
})
