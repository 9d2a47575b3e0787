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

/** Surprise of a token after others, once counts are mixed in. */
function tempered(transitions: Transitions, surprise: number, token: number, ...before: number[]): number {
  return transitions.temper(surprise, token, transitions.contextOf(before))
}

/** How likely a token is after others, by counts. */
function probability(transitions: Transitions, token: number, ...before: number[]): number {
  return transitions.probability(token, transitions.contextOf(before))
}

t.test(
  'what the network calls impossible, though it is common after the same tokens, is tempered',
  async t => {
    t.ok(tempered(usual, 15, READ, BEGIN, OPEN) < 2.5)
    t.ok(tempered(usual, 15, OPEN, BEGIN) < 2.5)
    t.ok(tempered(usual, 15, READ, READ) > tempered(usual, 15, READ, OPEN), 'rarer there')
  },
)

t.test('three tokens count, and fewer where those never came together', async t => {
  t.ok(tempered(usual, 15, CLOSE, OPEN, READ, READ) < 2.5)
  t.ok(tempered(usual, 15, READ, OPEN, READ, READ) > 6, 'a third reading never came')
  t.ok(tempered(usual, 15, READ, READ) < 4, 'after a reading, of which nothing more is known, there is one')
  t.equal(
    tempered(usual, 15, READ, CLOSE, CLOSE, READ),
    tempered(usual, 15, READ, READ),
    'what came before that is unheard of',
  )
  t.equal(
    tempered(usual, 15, CLOSE, CLOSE, OPEN, READ, READ),
    tempered(usual, 15, CLOSE, OPEN, READ, READ),
    'further back nothing counts',
  )
})

t.test('what never followed stays as surprising, and what is expected as expected', async t => {
  t.ok(tempered(usual, 11, CLOSE, BEGIN, OPEN) > 8)
  t.ok(tempered(usual, 0, READ, BEGIN, OPEN) < 2e-3)
  t.ok(tempered(usual, 0, CLOSE, BEGIN, OPEN) < 0.11)
})

t.test('the end is as surprising as the network has it', async t => {
  t.equal(tempered(usual, 9, END, READ, READ, CLOSE), 9)
  t.equal(tempered(usual, 9, END, BEGIN, OPEN), 9)
})

t.test('after a token that training did not have, all is as likely as anywhere', async t => {
  t.ok(tempered(usual, 15, READ, UNKNOWN) < tempered(usual, 15, OPEN, UNKNOWN))
  t.ok(tempered(usual, 15, NEVER, UNKNOWN) > 8)
})

t.test('without any training nothing is ruled out', async t => {
  t.ok(Number.isFinite(tempered(new Transitions(SIZE), 20, READ, OPEN)))
})

t.test('where the end was not seen it does not count', async t => {
  const cut = Transitions.of([{ tokens: Int32Array.of(OPEN, READ), ended: false }], SIZE)
  t.equal(probability(cut, END, READ), probability(cut, NEVER, READ))
  t.ok(probability(transitionsOf([OPEN, READ]), END, READ) > 0.5)
})

t.test('a session is tempered target by target, its ranks left alone', async t => {
  const ranks = Float32Array.of(0, 1, 2, 3)
  const rarities = Float32Array.of(1, 2, 3, 4)
  const tokens = Int32Array.of(OPEN, NEVER, CLOSE)
  const surprises = Float32Array.of(9, 12, 9, 10)
  const all = usual.temperAll({ tokens, ended: true }, { surprises, ranks, rarities })
  t.same(
    all.surprises,
    Float32Array.of(
      tempered(usual, 9, OPEN, BEGIN),
      tempered(usual, 12, NEVER, BEGIN, OPEN),
      tempered(usual, 9, CLOSE, BEGIN, OPEN, NEVER),
      10,
    ),
  )
  t.equal(all.ranks, ranks)
  t.equal(all.rarities, rarities)
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

t.test('mixing in counts never adds more than their share, nor takes more than they vouch for', async t => {
  const property = fc.property(
    fc.array(session, { minLength: 1 }),
    fc.double({ min: 0, max: 40, noNaN: true }),
    fc.integer({ min: PAD, max: SIZE - 1 }),
    anyBefore,
    (sessions, surprise, token, before) => {
      const transitions = transitionsOf(...sessions)
      const vouched = -Math.log(probability(transitions, token, ...before))
      const mixed = tempered(transitions, surprise, token, ...before)
      return mixed >= Math.min(surprise, vouched) - 1e-9 && mixed <= surprise + 0.11
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 2, numRuns: 1000 }))
})

t.test('the table holds all of it', async t => {
  const property = fc.property(fc.array(session), anyBefore, (sessions, before) => {
    const transitions = transitionsOf(...sessions)
    const table = transitions.toTable()
    const copy = Transitions.fromTable(table, SIZE)
    return (
      Transitions.isTable(table, SIZE) &&
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
