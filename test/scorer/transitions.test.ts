import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { Transitions } from '../../scorer/transitions.js'
import { BEGIN, END, PAD, UNKNOWN } from '../../scorer/vocabulary.js'

const SIZE = 8
const [OPEN, READ, CLOSE, NEVER] = [4, 5, 6, 7]

function transitionsOf(...sessions: readonly (readonly number[])[]): Transitions {
  return Transitions.of(
    sessions.map(tokens => ({ tokens: Int32Array.from(tokens), ended: true })),
    SIZE,
  )
}

const usual = transitionsOf(...Array.from({ length: 100 }, () => [OPEN, READ, READ, CLOSE]))

/** How likely a token is after others, by counts. */
function probability(transitions: Transitions, token: number, ...before: number[]): number {
  return transitions.probability(token, transitions.contextOf(before))
}

t.test('three tokens count, and fewer where those never came together', async t => {
  t.ok(probability(usual, CLOSE, OPEN, READ, READ) > 0.95)
  t.ok(probability(usual, READ, OPEN, READ, READ) < 0.02, 'a third reading never came')
  t.ok(probability(usual, READ, READ) > 0.4, 'after a reading, of which nothing more is known, there is one')
  t.equal(
    probability(usual, READ, CLOSE, CLOSE, READ),
    probability(usual, READ, READ),
    'what came before that is unheard of',
  )
  t.equal(
    probability(usual, CLOSE, CLOSE, OPEN, READ, READ),
    probability(usual, CLOSE, OPEN, READ, READ),
    'further back nothing counts',
  )
})

t.test('after a token that training did not have, all is as likely as anywhere', async t => {
  t.equal(probability(usual, READ, UNKNOWN), probability(usual, READ))
  t.ok(probability(usual, READ, UNKNOWN) > probability(usual, OPEN, UNKNOWN))
})

t.test('without any training all is as likely', async t => {
  t.equal(probability(new Transitions(SIZE), READ, OPEN), 1 / SIZE)
})

t.test('where the end was not seen it does not count', async t => {
  const cut = Transitions.of([{ tokens: Int32Array.of(OPEN, READ), ended: false }], SIZE)
  t.equal(probability(cut, END, READ), probability(cut, NEVER, READ))
  t.ok(probability(transitionsOf([OPEN, READ]), END, READ) > 0.5)
})

t.test('a session is judged by the others alone, and counts again afterwards', async t => {
  const one = [OPEN, READ, CLOSE]
  const sequence = { tokens: Int32Array.from(one), ended: true }
  const all = transitionsOf(one, [OPEN, READ, READ, CLOSE], [OPEN, CLOSE])
  const others = transitionsOf([OPEN, READ, READ, CLOSE], [OPEN, CLOSE])
  const table = all.toTable()
  const expected = [OPEN, READ, CLOSE, END].map((token, i) =>
    Math.fround(-Math.log(probability(others, token, BEGIN, ...one.slice(0, i)))),
  )
  t.same([...all.surprisesWithout(sequence)], expected)
  t.same(all.toTable(), table)
  const alone = transitionsOf(one)
  t.ok(alone.surprisesWithout(sequence).every(Number.isFinite), 'nothing is left')
})

const session = fc.array(fc.integer({ min: 4, max: SIZE - 1 }), { maxLength: 12 })

const anyBefore = fc.array(fc.integer({ min: BEGIN, max: SIZE - 1 }), { maxLength: 5 })

t.test('probabilities of what may follow any tokens are above 0 and come to 1', async t => {
  const property = fc.property(fc.array(session), anyBefore, (sessions, before) => {
    const transitions = transitionsOf(...sessions)
    const all = Array.from({ length: SIZE }, (_, token) => probability(transitions, token, ...before))
    return all.every(p => p > 0 && p <= 1) && Math.abs(all.reduce((sum, p) => sum + p, 0) - 1) < 1e-12
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 1, numRuns: 300 }))
})

t.test('the table holds all of it', async t => {
  const property = fc.property(fc.array(session), anyBefore, (sessions, before) => {
    const transitions = transitionsOf(...sessions)
    const table = transitions.toTable()
    const copy = Transitions.fromTable(table, SIZE)
    return (
      Transitions.isTable(table, SIZE) &&
      isDeepStrictEqual(copy.toTable(), table) &&
      Array.from({ length: SIZE }, (_, token) => token).every(
        token => probability(copy, token, ...before) === probability(transitions, token, ...before),
      )
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 3, numRuns: 300 }))
})

t.test('tables of something else are told', async t => {
  t.ok(Transitions.isTable([PAD, PAD, BEGIN, 4, 1000], SIZE), 'often is no token')
  t.notOk(Transitions.isTable([...usual.toTable(), 1], SIZE), 'no rows')
  t.notOk(Transitions.isTable([PAD, PAD, SIZE, 1, 1], SIZE), 'a token beyond the vocabulary')
  t.notOk(Transitions.isTable([PAD, PAD, BEGIN, SIZE, 1], SIZE), 'a token beyond the vocabulary')
})
