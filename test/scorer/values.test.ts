import t from 'tap'
import { DETECTOR_INDEX, type DetectorName, newStatistics } from '../../scorer/detectors/detector.js'
import { Random } from '../../scorer/random.js'
import { orderStatistics, unknownSurprise } from '../../scorer/train/held-out-statistics.js'
import { countKeys } from '../../scorer/train/key-counts.js'
import { learningRate } from '../../scorer/train/mle.js'
import { Transitions } from '../../scorer/transitions.js'
import { BEGIN, END, PAD, UNKNOWN, Vocabulary } from '../../scorer/vocabulary.js'

t.test('one seed gives one sequence of numbers, the same on every machine', async t => {
  const random = new Random(42)
  t.same(
    Array.from({ length: 4 }, () => Math.floor(random.uniform() * 1e9)),
    [33778336, 755770735, 964204205, 503451039],
  )
  t.same(new Random(42).shuffle([0, 1, 2, 3, 4, 5, 6, 7]), [3, 4, 7, 1, 2, 6, 5, 0])
  t.not(new Random(42).uniform(), new Random(43).uniform())
  t.not(new Random(1).uniform(), new Random(1 + 2 ** 32).uniform())
})

t.test('random numbers are spread as they should be', async t => {
  const random = new Random(1)
  const uniforms = Array.from({ length: 20_000 }, () => random.uniform())
  t.ok(uniforms.every(x => x >= 0 && x < 1))
  t.ok(Math.abs(uniforms.reduce((sum, x) => sum + x, 0) / uniforms.length - 0.5) < 0.01)
  const normals = Array.from({ length: 20_000 }, () => random.normal())
  t.ok(Math.abs(normals.reduce((sum, x) => sum + x, 0) / normals.length) < 0.03)
  t.ok(Math.abs(normals.reduce((sum, x) => sum + x * x, 0) / normals.length - 1) < 0.05)
  const counts = new Array<number>(5).fill(0)
  for (let i = 0; i < 20_000; i++) counts[random.integer(5)]!++
  t.ok(counts.every(count => Math.abs(count - 4000) < 250))
})

t.test('the learning rate warms up in a line and falls as a cosine to 0', async t => {
  const rates = Array.from({ length: 2000 }, (_, step) => learningRate(1e-3, step, 2000))
  t.ok(Math.abs(rates[0]! - 1e-5) < 1e-12)
  t.ok(Math.abs(rates[49]! - 5e-4) < 1e-12)
  t.equal(Math.max(...rates), 1e-3)
  t.ok(rates.every((rate, step) => step === 0 || step > 100 || rate > rates[step - 1]! || step === 100))
  t.ok(rates.every((rate, step) => step <= 100 || rate < rates[step - 1]!))
  t.ok(Math.abs(rates[1050]! - 5e-4) < 1e-12)
  t.ok(rates.at(-1)! > 0 && rates.at(-1)! < 1e-8)
})

t.test('a short run warms up over a tenth of it', async t => {
  const rates = Array.from({ length: 20 }, (_, step) => learningRate(1, step, 20))
  t.same(rates.slice(0, 3), [0.5, 1, 1])
  t.ok(learningRate(1, 0, 1) > 0)
  t.ok(
    Array.from({ length: 15 }, (_, step) => learningRate(1, step, 15)).every(rate => rate > 0 && rate <= 1),
  )
})

t.test('a vocabulary maps keys to ids behind the specials and back', async t => {
  const vocabulary = Vocabulary.of([
    ['b', 'a'],
    ['a', '__proto__', '7'],
  ])
  t.same(vocabulary.keys, ['b', 'a', '__proto__', '7'])
  t.equal(vocabulary.size, 8)
  t.same(
    ['b', 'a', '__proto__', '7', 'toString'].map(key => vocabulary.id(key)),
    [4, 5, 6, 7, UNKNOWN],
  )
  t.same(
    [PAD, BEGIN, END, UNKNOWN, 4, 7, 8].map(id => vocabulary.key(id)),
    [undefined, undefined, undefined, undefined, 'b', '7', undefined],
  )
})

t.test('the surprise of an unknown key is the Good-Turing estimate', async t => {
  const session = (...keys: string[]) => ({ keys, ended: true })
  const sessions = [session('a', 'b', 'x', 'x'), session('a', 'b', 'y'), session('a', 'b', 'a')]
  t.equal(
    unknownSurprise(countKeys(sessions)),
    -Math.log(2 / 10),
    'x and y are seen in one session each, of ten events',
  )
  t.equal(
    unknownSurprise(countKeys([session('a'), session('a')])),
    -Math.log(1 / 2),
    'no kind seen once counts as one',
  )
  t.equal(unknownSurprise([]), 0)
})

const VOCABULARY = new Vocabulary(['a', 'own', 'rare'])
const SESSIONS = [
  ...Array.from({ length: 8 }, () => ['a', 'a', 'a']),
  ['a', 'own', 'a'],
  ['a', 'rare', 'a'],
  ['a', 'rare', 'a'],
].map(keys => ({ tokens: Int32Array.from(keys, key => VOCABULARY.id(key)), ended: true }))
const CORPUS = { transitions: Transitions.of(SESSIONS, VOCABULARY.size), vocabulary: VOCABULARY }

function orderOf(keys: readonly string[], tokens: readonly number[]) {
  const surprises = Float32Array.of(1, 99, 2, 3)
  const score = { surprises, ranks: Float32Array.of(0, 1, 2, 3), rarities: new Float32Array(4) }
  const sequence = { tokens: Int32Array.from(tokens), ended: true }
  return orderStatistics({ source: { keys, ended: true }, sequence, score }, CORPUS, new Set(['own']))
}

t.test('a held-out session is judged by its largest surprise and rank, and by its end', async t => {
  const { statistics, unseenAt } = orderOf(['a', 'own', 'a'], [4, UNKNOWN, 4])
  const largest = (name: DetectorName): number => statistics[DETECTOR_INDEX[name]]!
  t.same(unseenAt, [1])
  t.equal(largest('next-key'), 2, 'but for the key that no other session holds')
  t.equal(largest('session-end'), 3)
  t.equal(largest('top-k'), VOCABULARY.size, 'an unknown key ranks behind all others')
  t.equal(orderOf(['a', 'a', 'a'], [4, 4, 4]).statistics[DETECTOR_INDEX['top-k']], 3)
})

t.test(
  'a key that only sessions held out together have is as surprising as it is rare elsewhere',
  async t => {
    const { statistics, surprises, unseenAt } = orderOf(['a', 'rare', 'a'], [4, UNKNOWN, 4])
    t.same(unseenAt, [])
    const others = Transitions.of(SESSIONS.slice(0, -1), VOCABULARY.size)
    const elsewhere = Math.fround(
      -Math.log(others.probability(VOCABULARY.id('rare'), others.contextOf([BEGIN, 4]))),
    )
    t.equal(statistics[DETECTOR_INDEX['next-key']], elsewhere)
    t.same(surprises, Float32Array.of(1, elsewhere, 2, 3))
  },
)

t.test('an unknown key is no less surprising than orders are in as many sessions', async t => {
  const count = (key: string, numSessions: number) => ({ key, numEvents: 1, numSessions })
  const session = (surprise: number, unseenAt: number[] = []) => {
    const statistics = newStatistics()
    statistics[DETECTOR_INDEX['next-key']] = surprise
    return { statistics, surprises: new Float32Array(1), unseenAt, tokens: new Int32Array(1) }
  }
  const keys = [count('a', 100), count('own', 1)]
  const orders = Array.from({ length: 100 }, (_, i) => session(i / 10))
  t.equal(unknownSurprise(keys, [...orders, session(0, [0])]), 9.8, 'one such session, one order beyond')
  t.equal(
    unknownSurprise(keys, [...orders.slice(0, 5), session(0, [0])]),
    -Math.log(1 / 2),
    'Good-Turing is more',
  )
  t.equal(unknownSurprise(keys, [session(0, [0])]), -Math.log(1 / 2))
})
