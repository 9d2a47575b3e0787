import t from 'tap'
import { train } from '../../scorer/train/train.js'
import { sequenceSurprises } from '../../scorer/validation.js'
import { grammarSessions } from '../fixtures/scorer/grammar.js'

const QUICK = { epochs: 4, folds: 1, learningRate: 3e-3 } as const

t.test('training tells how common the keys are and which sessions surprised most', async t => {
  const odd = { id: 'odd', keys: ['open', 'explode', 'close'], ended: true }
  const sessions = grammarSessions(1, 200).map(({ keys, ended }, i) => ({ id: `s${i}`, keys, ended }))
  const model = await train([...sessions, odd], { ...QUICK, folds: 2 })
  const { keyCounts, surprising, numEventsOfLongest } = model.details!
  const open = sessions.filter(({ keys }) => keys.includes('open'))
  t.same(
    keyCounts.map(({ key }) => key),
    model.vocabulary.keys,
  )
  t.match(
    keyCounts.find(({ key }) => key === 'open'),
    {
      numSessions: open.length + 1,
      numEvents: open.flatMap(({ keys }) => keys).filter(key => key === 'open').length + 1,
    },
  )
  t.same(
    keyCounts.find(({ key }) => key === 'explode'),
    { key: 'explode', numEvents: 1, numSessions: 1 },
  )
  t.equal(numEventsOfLongest, Math.max(...sessions.map(({ keys }) => keys.length)))

  const maxSurprises = sequenceSurprises(model.validation)
  t.equal(maxSurprises.length, 201)
  const numKinds = new Set([...sessions, odd].map(({ keys }) => keys.join())).size
  t.equal(surprising.length, Math.min(10, numKinds))
  t.equal(new Set(surprising.map(({ keys }) => keys.join())).size, surprising.length, 'those alike once')
  const largest = surprising.map(({ surprises, worst }) => surprises[worst]!)
  t.same(
    largest,
    largest.toSorted((a, b) => b - a),
  )
  t.ok(Math.abs(largest[0]! - Math.max(...maxSurprises)) < 1e-3)
  for (const { keys, surprises, worst } of surprising) {
    t.equal(surprises.length, keys.length + 1, 'every key and the end')
    t.equal(surprises[worst], Math.max(...Array.from(surprises)))
  }
  const found = surprising.find(({ id }) => id === 'odd')
  t.equal(found?.surprises[1], Math.fround(model.unknownSurprise), 'a key no other session holds')
})

t.test('what was expected is what the model said there, in sessions longer than its context too', async t => {
  // Two keys and the end: all there is to expect is listed, so the observed key is among it.
  const sessions = Array.from({ length: 30 }, (_, i) => ({
    keys: Array.from({ length: 200 + 7 * i }, (_, at) => ((at * (i + 3)) % 5 < 2 ? 'a' : 'b')),
    ended: true,
  }))
  const { details } = await train(sessions, { ...QUICK, epochs: 1 })
  const worsts = details!.surprising.map(({ worst }) => worst)
  t.ok(
    worsts.some(worst => worst > 128),
    `${worsts}`,
  )
  for (const { keys, surprises, worst, expected } of details!.surprising) {
    const probability = expected.find(({ key }) => key === keys[worst])?.probability
    t.ok(
      Math.abs(-Math.log(probability!) - surprises[worst]!) < 1e-3,
      `${-Math.log(probability!)} is ${surprises[worst]}`,
    )
    t.ok(expected[0]!.probability >= expected[1]!.probability)
  }
})
