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

t.test(
  'what the network calls impossible, though it is common after the same token, is tempered',
  async t => {
    t.ok(usual.temper(15, READ, OPEN) < 3.1)
    t.ok(usual.temper(15, END, CLOSE) < 3.1)
    t.ok(usual.temper(15, OPEN, BEGIN) < 3.1)
    t.ok(usual.temper(15, READ, READ) > usual.temper(15, READ, OPEN), 'rarer there')
  },
)

t.test('what never followed stays as surprising, and what is expected as expected', async t => {
  t.ok(usual.temper(11, CLOSE, OPEN) > 8)
  t.ok(usual.temper(9, END, OPEN) > 7.5)
  t.ok(usual.temper(0, READ, OPEN) < 1e-3)
  t.ok(usual.temper(0, CLOSE, OPEN) < 0.06)
})

t.test('after a token that training did not have, all is as likely as anywhere', async t => {
  t.ok(usual.temper(15, READ, UNKNOWN) < usual.temper(15, OPEN, UNKNOWN))
  t.ok(usual.temper(15, NEVER, UNKNOWN) > 8)
})

t.test('without any training nothing is ruled out', async t => {
  t.ok(Number.isFinite(new Transitions(SIZE).temper(20, READ, OPEN)))
})

t.test('where the end was not seen it does not count', async t => {
  const cut = Transitions.of([{ tokens: Int32Array.of(OPEN, READ), ended: false }], SIZE)
  t.equal(cut.probability(END, READ), cut.probability(NEVER, READ))
  t.ok(transitionsOf([OPEN, READ]).probability(END, READ) > 0.5)
})

t.test('a session is tempered target by target, its ranks left alone', async t => {
  const ranks = Float32Array.of(0, 1, 2, 3)
  const rarities = Float32Array.of(1, 2, 3, 4)
  const tokens = Int32Array.of(OPEN, NEVER, CLOSE)
  const surprises = Float32Array.of(9, 12, 9, 10)
  const tempered = usual.temperAll({ tokens, ended: true }, { surprises, ranks, rarities })
  t.same(
    tempered.surprises,
    Float32Array.of(
      usual.temper(9, OPEN, BEGIN),
      usual.temper(12, NEVER, OPEN),
      usual.temper(9, CLOSE, NEVER),
      usual.temper(10, END, CLOSE),
    ),
  )
  t.equal(tempered.ranks, ranks)
  t.equal(tempered.rarities, rarities)
})

t.test('counts of some sessions can be left out', async t => {
  const one = [OPEN, READ, CLOSE]
  const all = transitionsOf(one, [OPEN, READ, READ, CLOSE], [OPEN, CLOSE])
  const others = transitionsOf([OPEN, READ, READ, CLOSE], [OPEN, CLOSE])
  for (let previous = BEGIN; previous < SIZE; previous++)
    for (let token = END; token < SIZE; token++)
      t.equal(all.probability(token, previous, transitionsOf(one)), others.probability(token, previous))
  const alone = transitionsOf([NEVER, CLOSE])
  t.ok(alone.probability(CLOSE, NEVER, alone) > 0, 'nothing is left')
})

const session = fc.array(fc.integer({ min: 4, max: SIZE - 1 }), { maxLength: 12 })

t.test('probabilities of what may follow any token are above 0 and come to 1', async t => {
  const property = fc.property(
    fc.array(session),
    fc.integer({ min: BEGIN, max: SIZE - 1 }),
    (sessions, previous) => {
      const transitions = transitionsOf(...sessions)
      const all = Array.from({ length: SIZE }, (_, token) => transitions.probability(token, previous))
      return all.every(p => p > 0 && p <= 1) && Math.abs(all.reduce((sum, p) => sum + p, 0) - 1) < 1e-12
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 1, numRuns: 300 }))
})

t.test('mixing in counts never adds more than their share, nor takes more than they vouch for', async t => {
  const property = fc.property(
    fc.array(session, { minLength: 1 }),
    fc.double({ min: 0, max: 40, noNaN: true }),
    fc.integer({ min: PAD, max: SIZE - 1 }),
    fc.integer({ min: BEGIN, max: SIZE - 1 }),
    (sessions, surprise, token, previous) => {
      const transitions = transitionsOf(...sessions)
      const tempered = transitions.temper(surprise, token, previous)
      const vouched = -Math.log(transitions.probability(token, previous))
      return tempered >= Math.min(surprise, vouched) - 1e-9 && tempered <= surprise + 0.06
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 2, numRuns: 1000 }))
})

t.test('the table holds all of it, and tables of something else are told', async t => {
  const table = usual.toTable()
  t.ok(Transitions.isTable(table, SIZE))
  const copy = Transitions.fromTable(table, SIZE)
  t.same(copy.toTable(), table)
  for (let previous = 0; previous < SIZE; previous++)
    for (let token = 0; token < SIZE; token++)
      t.equal(copy.probability(token, previous), usual.probability(token, previous))
  t.notOk(Transitions.isTable([...table, 1], SIZE), 'no threes')
  t.notOk(Transitions.isTable([SIZE, 1, 1], SIZE), 'a token beyond the vocabulary')
  t.notOk(Transitions.isTable([1, SIZE, 1], SIZE), 'a token beyond the vocabulary')
  t.ok(Transitions.isTable([1, 2, 1000], SIZE), 'often is no token')
})
