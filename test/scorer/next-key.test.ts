import fc from 'fast-check'
import t from 'tap'
import { NextKey } from '../../scorer/detectors/next-key.js'
import { Transitions } from '../../scorer/transitions.js'
import { BEGIN, END, PAD, UNKNOWN } from '../../scorer/vocabulary.js'

const SIZE = 8
const [OPEN, READ, CLOSE, NEVER] = [4, 5, 6, 7]

function trainedOn(...sessions: readonly (readonly number[])[]): NextKey {
  const sequences = sessions.map(tokens => ({ tokens: Int32Array.from(tokens), ended: true }))
  return new NextKey(Transitions.of(sequences, SIZE))
}

const usual = trainedOn(...Array.from({ length: 100 }, () => [OPEN, READ, READ, CLOSE]))

/** Surprise of a token after others, of which the network says `network`. */
function surprise(nextKey: NextKey, network: number, token: number, ...before: number[]): number {
  return nextKey.surprise(network, token, nextKey.recent(before))
}

t.test('what the network calls impossible, though it is common after the same keys, is not', async t => {
  t.ok(surprise(usual, 15, READ, BEGIN, OPEN) < 2.5)
  t.ok(surprise(usual, 15, OPEN, BEGIN) < 2.5)
  t.ok(surprise(usual, 15, CLOSE, OPEN, READ, READ) < 2.5)
  t.ok(surprise(usual, 15, READ, OPEN, READ, READ) > 6, 'a third reading never came')
})

t.test('what never followed stays as surprising, and what is expected as expected', async t => {
  t.ok(surprise(usual, 11, CLOSE, BEGIN, OPEN) > 8)
  t.ok(surprise(usual, 15, NEVER, UNKNOWN) > 8)
  t.ok(surprise(usual, 0, READ, BEGIN, OPEN) < 2e-3)
  t.ok(surprise(usual, 0, CLOSE, BEGIN, OPEN) < 0.11)
})

t.test('the end is as surprising as the network has it', async t => {
  t.equal(surprise(usual, 9, END, READ, READ, CLOSE), 9)
  t.equal(surprise(usual, 9, END, BEGIN, OPEN), 9)
})

t.test('a session is scored target by target, its ranks left alone', async t => {
  const ranks = Float32Array.of(0, 1, 2, 3)
  const rarities = Float32Array.of(1, 2, 3, 4)
  const tokens = Int32Array.of(OPEN, NEVER, CLOSE)
  const surprises = Float32Array.of(9, 12, 9, 10)
  const scores = usual.score({ tokens, ended: true }, { surprises, ranks, rarities })
  t.same(
    scores.surprises,
    Float32Array.of(
      surprise(usual, 9, OPEN, BEGIN),
      surprise(usual, 12, NEVER, BEGIN, OPEN),
      surprise(usual, 9, CLOSE, BEGIN, OPEN, NEVER),
      10,
    ),
  )
  t.equal(scores.ranks, ranks)
  t.equal(scores.rarities, rarities)
})

t.test('what is expected has the probabilities that surprise is of, the best first', async t => {
  const likely = [
    { token: CLOSE, probability: 0.5 },
    { token: READ, probability: 0.45 },
    { token: END, probability: 0.05 },
  ]
  const expected = usual.expected(likely, usual.recent([BEGIN, OPEN]))
  t.same(
    expected.map(({ token }) => token),
    [READ, CLOSE, END],
    'counts have reading first',
  )
  for (const { token, probability } of expected) {
    const network = -Math.log(likely.find(one => one.token === token)!.probability)
    t.equal(probability, Math.exp(-surprise(usual, network, token, BEGIN, OPEN)))
  }
})

t.test('counts never add more than their share, nor take more than they vouch for', async t => {
  const session = fc.array(fc.integer({ min: 4, max: SIZE - 1 }), { maxLength: 12 })
  const property = fc.property(
    fc.array(session, { minLength: 1 }),
    fc.double({ min: 0, max: 40, noNaN: true }),
    fc.integer({ min: PAD, max: SIZE - 1 }),
    fc.array(fc.integer({ min: BEGIN, max: SIZE - 1 }), { maxLength: 5 }),
    (sessions, network, token, before) => {
      const nextKey = trainedOn(...sessions)
      const vouched = -Math.log(nextKey.transitions.probability(token, nextKey.recent(before)))
      const mixed = surprise(nextKey, network, token, ...before)
      return mixed >= Math.min(network, vouched) - 1e-9 && mixed <= network + 0.11
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 2, numRuns: 1000 }))
})
